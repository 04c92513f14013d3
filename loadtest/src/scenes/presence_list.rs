//! Who is in a channel, as one watcher knows it from a snapshot and the changes after it.

use super::message::Message;
use std::collections::BTreeSet;

/// Who is in a channel, as one watcher knows it.
#[derive(Debug, Default)]
pub(super) struct PresenceList {
    /// `None` while the server only counts.
    pub(super) members: Option<BTreeSet<String>>,
    pub(super) users: u64,
    pub(super) connections: u64,
    /// Changes that do not fit: somebody left who was not there, or joined who was.
    pub(super) wrong: usize,
    /// Messages about presence, snapshots included.
    pub(super) messages: usize,
}

impl PresenceList {
    /// Takes a snapshot or a change. Returns who has joined.
    pub(super) fn take(&mut self, message: Message<'_>) -> Vec<String> {
        self.messages += 1;
        self.users = message.users.unwrap_or_default();
        self.connections = message.connections.unwrap_or_default();
        if let Some(members) = message.members {
            self.members = Some(members.into_iter().collect());
            return Vec::new();
        }
        let (Some(joined), Some(members)) = (message.joined, &mut self.members) else {
            self.members = None;
            return Vec::new();
        };
        let left = message.left.iter().filter(|user| !members.remove(*user));
        self.wrong += left.count();
        let joined: Vec<String> = joined
            .into_iter()
            .filter(|user| members.insert(user.clone()))
            .collect();
        self.wrong += usize::from(members.len() as u64 != self.users);
        joined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(list: &mut PresenceList, text: &str) -> Vec<String> {
        list.take(Message::parse(text.as_bytes()))
    }

    #[test]
    fn follows_snapshots_changes_and_numbers() {
        let mut list = PresenceList::default();
        take(
            &mut list,
            r#"{"users":1,"connections":1,"members":[{"user":"a"}]}"#,
        );
        let joined = take(
            &mut list,
            r#"{"users":1,"connections":1,"joined":[{"user":"b"}],"left":["a"]}"#,
        );
        assert_eq!((joined, list.wrong), (vec!["b".to_owned()], 0));
        take(&mut list, r#"{"users":900,"connections":901}"#);
        assert_eq!((&list.members, list.users, list.messages), (&None, 900, 3));
    }

    #[test]
    fn counts_changes_that_do_not_fit() {
        let mut list = PresenceList::default();
        take(
            &mut list,
            r#"{"users":1,"connections":1,"members":[{"user":"a"}]}"#,
        );
        take(
            &mut list,
            r#"{"users":2,"connections":2,"joined":[],"left":["x"]}"#,
        );
        assert_eq!(list.wrong, 2);
    }
}
