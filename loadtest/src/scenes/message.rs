//! The messages of the server, as far as scripted sockets use them.

use crate::wire::json;

/// A message of the server. What it lacks is empty.
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) kind: &'a [u8],
    pub(super) code: &'a [u8],
    pub(super) event: &'a [u8],
    /// The number in the data of an event that the tester has published.
    pub(super) number: Option<u64>,
    pub(super) users: Option<u64>,
    pub(super) connections: Option<u64>,
    pub(super) presence: &'a [u8],
    pub(super) members: Option<Vec<String>>,
    pub(super) joined: Option<Vec<String>>,
    pub(super) left: Vec<String>,
}

impl<'a> Message<'a> {
    pub(super) fn parse(text: &'a [u8]) -> Self {
        let mut message = Self::default();
        json::members(text, |key, value| match key {
            b"type" => message.kind = json::unquoted(value),
            b"code" => message.code = json::unquoted(value),
            b"event" => message.event = json::unquoted(value),
            b"presence" => message.presence = value,
            b"users" => message.users = json::integer(value),
            b"connections" => message.connections = json::integer(value),
            b"members" => message.members = Some(users(value)),
            b"joined" => message.joined = Some(users(value)),
            b"left" => message.left = strings(value),
            b"data" => json::members(value, |key, value| {
                if key == b"n" {
                    message.number = json::integer(value);
                }
            }),
            _ => {}
        });
        message
    }
}

/// The users in a list of objects.
fn users(list: &[u8]) -> Vec<String> {
    let mut users = Vec::new();
    json::items(list, |item| {
        json::members(item, |key, value| {
            if key == b"user" {
                users.push(text(value));
            }
        });
    });
    users
}

fn strings(list: &[u8]) -> Vec<String> {
    let mut strings = Vec::new();
    json::items(list, |item| strings.push(text(item)));
    strings
}

fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(json::unquoted(value)).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_who_joined_and_who_left() {
        let text = br#"{"type":"presence","joined":[{"user":"eve","info":{"user":"no"}}, {"user":"ann"}],"left":["bob"],"users":2,"connections":3}"#;
        let message = Message::parse(text);
        assert_eq!(message.kind, b"presence");
        assert_eq!(
            message.joined,
            Some(vec!["eve".to_owned(), "ann".to_owned()])
        );
        assert_eq!(
            (message.left, message.users, message.members),
            (vec!["bob".to_owned()], Some(2), None)
        );
    }

    #[test]
    fn reads_the_number_of_an_event() {
        let text = br#"{"type":"event","channel":"c","data":{"id":"x","n":7}}"#;
        assert_eq!(Message::parse(text).number, Some(7));
    }
}
