//! Encodes who is present.

use std::fmt::{self, Write};

use crate::protocol::{
    Presence, PresenceList, PresentConnection, PresentUser, UserId, push_string, timestamp,
};

/// Writes the fields of a JSON object that say who is present, or what has changed.
pub(super) fn push_presence(out: &mut impl Write, presence: &Presence) -> fmt::Result {
    let Presence { list, counts } = presence;
    if let PresenceList::Changes { joined, left } = list {
        out.write_str("\"joined\":")?;
        push_list(out, joined, push_user)?;
        out.write_str(",\"left\":")?;
        push_list(out, left, |out, user: &UserId| {
            push_string(out, user.as_str())
        })?;
        out.write_char(',')?;
    }
    write!(
        out,
        "\"users\":{},\"connections\":{},\"anonymous\":{}",
        counts.users, counts.connections, counts.anonymous
    )?;
    match list {
        PresenceList::Members(members) => {
            out.write_str(",\"members\":")?;
            push_list(out, members, push_user)
        }
        PresenceList::Connections(members) => {
            out.write_str(",\"members\":")?;
            push_list(out, members, push_connection)
        }
        PresenceList::Changes { .. } | PresenceList::Unlisted => Ok(()),
    }
}

fn push_list<W: Write, T>(
    out: &mut W,
    items: &[T],
    push: impl Fn(&mut W, &T) -> fmt::Result,
) -> fmt::Result {
    out.write_char('[')?;
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.write_char(',')?;
        }
        push(out, item)?;
    }
    out.write_char(']')
}

fn push_user(out: &mut impl Write, present: &PresentUser) -> fmt::Result {
    out.write_str("{\"user\":")?;
    push_string(out, present.user.as_str())?;
    if let Some(info) = &present.info {
        write!(out, ",\"info\":{info}")?;
    }
    out.write_char('}')
}

fn push_connection(out: &mut impl Write, connection: &PresentConnection) -> fmt::Result {
    write!(out, "{{\"client\":\"{}\"", connection.client)?;
    if let Some(user) = &connection.user {
        out.write_str(",\"user\":")?;
        push_string(out, user.as_str())?;
    }
    write!(out, ",\"since\":\"{}\"}}", timestamp(connection.since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Json, PresenceCounts};

    fn text(list: PresenceList) -> String {
        let counts = PresenceCounts {
            users: 2,
            connections: 4,
            anonymous: 1,
        };
        let mut text = String::new();
        push_presence(&mut text, &Presence { list, counts }).unwrap();
        text
    }

    #[test]
    fn each_form_is_encoded_as_documented() {
        let ada = PresentUser {
            user: UserId::new("a\"da").unwrap(),
            info: Some(Json::from("Ada")),
        };
        let bob = PresentUser {
            user: UserId::new("bob").unwrap(),
            info: None,
        };
        let counts = r#""users":2,"connections":4,"anonymous":1"#;
        assert_eq!(text(PresenceList::Unlisted), counts);
        let members = r#"{"user":"a\"da","info":"Ada"},{"user":"bob"}"#;
        assert_eq!(
            text(PresenceList::Members(vec![ada.clone(), bob])),
            format!(r#"{counts},"members":[{members}]"#)
        );
        let changes = PresenceList::Changes {
            joined: Vec::new(),
            left: vec![ada.user],
        };
        assert_eq!(
            text(changes),
            format!(r#""joined":[],"left":["a\"da"],{counts}"#)
        );
    }
}
