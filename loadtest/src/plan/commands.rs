//! Channel names and client commands of a run, as they are on the wire.

use super::run_plan::RunPlan;
use crate::wire::json;

impl RunPlan {
    /// The command that subscribes to a channel or joins a room. With `since` (offset and epoch) it asks for everything after
    /// that position.
    pub(crate) fn subscribe_command(&self, channel: u32, since: Option<(u64, &str)>) -> String {
        let more = match since {
            Some((offset, epoch)) => {
                format!(r#","since":{{"offset":{offset},"epoch":"{epoch}"}}"#)
            }
            None if self.positions => r#","positions":true"#.to_owned(),
            None => String::new(),
        };
        self.command(channel, "subscribe", "join", &more)
    }

    /// The command that unsubscribes from a channel or leaves a room.
    pub(crate) fn unsubscribe_command(&self, channel: u32) -> String {
        self.command(channel, "unsubscribe", "leave", "")
    }

    /// The beginning of a message to a room, up to its content.
    pub(crate) fn message_head(&self, room: u32) -> String {
        let name = self.channel_name(room);
        format!(r#"{{"type":"message","room":"{name}","content":"#)
    }

    fn command(&self, channel: u32, of_channel: &str, of_room: &str, more: &str) -> String {
        let (kind, what) = if self.rooms {
            (of_room, "room")
        } else {
            (of_channel, "channel")
        };
        let name = self.channel_name(channel);
        format!(r#"{{"type":"{kind}","{what}":"{name}"{more}}}"#)
    }

    /// The name of a channel on the wire.
    pub(crate) fn channel_name(&self, channel: u32) -> String {
        format!("lt.{:08x}.{channel}", self.run)
    }

    /// The index of the channel with that name. `None` if it is not a channel of this run.
    pub(crate) fn channel_index(&self, name: &[u8]) -> Option<u32> {
        let rest = name.strip_prefix(b"lt.")?;
        let (run, index) = (rest.get(..8)?, rest.get(8..)?.strip_prefix(b".")?);
        let run = run.iter().try_fold(0, |number, byte| {
            Some(number << 4 | char::from(*byte).to_digit(16)?)
        });
        let index = json::integer(index)?;
        (run == Some(self.run) && index < u64::from(self.channels)).then_some(index as u32)
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::run_plan::tests::plan;

    #[test]
    fn recognizes_its_own_channel_names_and_no_others() {
        let plan = plan(1, 12, 1, 1);
        for channel in 0..12 {
            assert_eq!(
                plan.channel_index(plan.channel_name(channel).as_bytes()),
                Some(channel)
            );
        }
        for name in [
            "lt.0000abcd.12",
            "lt.0000abce.1",
            "general",
            "lt.",
            "lt.0000abcd1",
        ] {
            assert_eq!(plan.channel_index(name.as_bytes()), None, "{name}");
        }
    }

    #[test]
    fn joins_a_room_anew_or_from_a_position() {
        let mut plan = plan(11, 5, 1, 2);
        plan.rooms = true;
        assert_eq!(
            plan.subscribe_command(2, None),
            r#"{"type":"join","room":"lt.0000abcd.2"}"#
        );
        assert_eq!(
            plan.subscribe_command(2, Some((41, "a8"))),
            r#"{"type":"join","room":"lt.0000abcd.2","since":{"offset":41,"epoch":"a8"}}"#
        );
    }
}
