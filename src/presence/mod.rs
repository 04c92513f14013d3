//! Who is present in a topic, and what has to be announced of it: pure data, to which the time is
//! passed in.

mod book;
mod entry;
mod form;
mod lingering;
mod options;

pub use book::{Announcement, Page, PresenceBook};
pub use entry::{Info, PageItem};
pub use options::PresenceOptions;
