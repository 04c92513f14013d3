//! Topics: their ids, streams and audiences, and the rules that configure them by name.

mod audience;
mod key;
mod people;
mod person;
mod rules;
mod state;
mod stream;
mod watched;

pub(super) use key::{EVERYONE, TopicId};
pub(super) use people::People;
pub(super) use person::Person;
pub use rules::{Overflow, Retention, TopicOptions, TopicRules};
pub use state::Topic;
pub(super) use state::TopicState;
pub(super) use watched::{WatchedPresence, now};
