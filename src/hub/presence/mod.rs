//! Presence: who is told when, and what others may ask.
//!
//! Who is present is kept under the topic's lock. The changes of joins and leaves wait there until the
//! announcer sends them to those who watch, in the mailboxes' order like everything else of the topic.

mod announcements;
mod announcer;
mod announcing;
mod asking;
mod introducing;

pub(super) use announcements::Announcements;
pub(super) use announcer::Announcer;
pub use asking::NotPresent;
