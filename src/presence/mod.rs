//! Who is present in a topic, and what has to be announced of it: pure data, to which the time is
//! passed in.

mod book;
mod entry;
mod form;
mod fresh;
mod lingering;
mod options;

pub use book::{Page, PresenceBook};
pub use entry::{Info, PageItem};
pub use fresh::{Announcement, Knows};
pub use options::PresenceOptions;
