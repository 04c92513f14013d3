//! What a client may do with a room or channel.

use crate::protocol::{TopicKind, did_you_mean_or, nearest};

/// Something that a client does with a room or channel, and needs the right to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// To be subscribed to a channel.
    Subscribe,
    /// To read what was published before, in whatever way.
    History,
    /// To know who else is there.
    Presence,
    /// To publish to a channel.
    Publish,
    /// To be a member of a room.
    Join,
    /// To send a message to a room.
    Say,
}

use Action::{History, Join, Presence, Publish, Say, Subscribe};

/// Stands for all actions of a kind of topic.
const ALL: &str = "*";

impl Action {
    /// The actions on topics of this kind.
    pub const fn of(kind: TopicKind) -> &'static [Self] {
        match kind {
            TopicKind::Channel => &[Subscribe, History, Presence, Publish],
            TopicKind::Room => &[Join, Say, History, Presence],
        }
    }

    /// The name in tokens and in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Subscribe => "subscribe",
            History => "history",
            Presence => "presence",
            Publish => "publish",
            Join => "join",
            Say => "say",
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of actions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Actions(u8);

impl Actions {
    /// The actions on channels with these names; `*` is all of them.
    ///
    /// Errors: a sentence about the first name that is not an action on channels.
    pub fn of_channel<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Self, String> {
        Self::named(TopicKind::Channel, names)
    }

    /// The actions with these names, for topics of this kind; `*` is all of them.
    ///
    /// Errors: a sentence about the first name that is not such an action.
    pub fn named<'a>(
        kind: TopicKind,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, String> {
        names.into_iter().try_fold(Self::default(), |set, name| {
            let found = Action::of(kind)
                .iter()
                .find(|action| action.as_str() == name);
            match found {
                Some(&action) => Ok(set.with(action)),
                None if name == ALL => Ok(Self::all(kind)),
                None => Err(unknown(kind, name)),
            }
        })
    }

    /// All actions on topics of this kind.
    pub fn all(kind: TopicKind) -> Self {
        Action::of(kind).iter().copied().collect()
    }

    /// What a pattern grants if no actions are named: to hear the topic and its past, and in a room
    /// to speak.
    pub fn unless_named(kind: TopicKind) -> Self {
        match kind {
            TopicKind::Channel => [Subscribe, History].into_iter().collect(),
            TopicKind::Room => [Join, Say].into_iter().collect(),
        }
    }

    /// Whether the action is in the set.
    pub const fn contains(self, action: Action) -> bool {
        self.0 & action.bit() != 0
    }

    const fn with(self, action: Action) -> Self {
        Self(self.0 | action.bit())
    }
}

impl FromIterator<Action> for Actions {
    fn from_iter<I: IntoIterator<Item = Action>>(actions: I) -> Self {
        actions.into_iter().fold(Self::default(), Self::with)
    }
}

fn unknown(kind: TopicKind, name: &str) -> String {
    let known = || Action::of(kind).iter().map(|action| action.as_str());
    let topics = match kind {
        TopicKind::Channel => "channels",
        TopicKind::Room => "rooms",
    };
    let all: Vec<&str> = known().chain([ALL]).collect();
    let all = format!("the actions on {topics} are {}", all.join(", "));
    let end = did_you_mean_or(nearest(name, known()), &all);
    format!("{name:?} is not an action{end}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_all_actions_of_the_kind() {
        let channel = Actions::of_channel(["*"]).unwrap();
        let room = Actions::named(TopicKind::Room, ["join", "*"]).unwrap();
        for (action, in_channels, in_rooms) in [
            (Subscribe, true, false),
            (Publish, true, false),
            (History, true, true),
            (Presence, true, true),
            (Join, false, true),
            (Say, false, true),
        ] {
            assert_eq!(channel.contains(action), in_channels, "{action:?}");
            assert_eq!(room.contains(action), in_rooms, "{action:?}");
        }
    }

    #[test]
    fn only_the_actions_that_are_named_are_in_the_set() {
        let set = Actions::of_channel(["publish", "history", "publish"]).unwrap();
        assert!(set.contains(Publish) && set.contains(History));
        assert!(!set.contains(Subscribe) && !set.contains(Presence));
        assert_eq!(Actions::named(TopicKind::Room, []), Ok(Actions::default()));
    }

    #[test]
    fn an_action_of_the_other_kind_is_unknown() {
        let error = Actions::of_channel(["subscribe", "join"]).unwrap_err();
        assert_eq!(
            error,
            "\"join\" is not an action; the actions on channels are subscribe, history, presence, publish, *"
        );
        let error = Actions::named(TopicKind::Room, ["subscribe"]).unwrap_err();
        assert!(error.ends_with("the actions on rooms are join, say, history, presence, *"));
        let error = Actions::of_channel(["Subscribe"]).unwrap_err();
        assert_eq!(
            error,
            "\"Subscribe\" is not an action; did you mean `subscribe`?"
        );
    }
}
