//! Topics: their ids, streams and audiences, and the rules that configure them by name.

mod audience;
mod key;
mod rules;
mod state;
mod stream;

pub(super) use key::{EVERYONE, TopicId};
pub use rules::{Overflow, Retention, TopicOptions, TopicRules};
pub use state::Topic;
pub(super) use state::TopicState;
