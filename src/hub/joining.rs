//! What is said when a client becomes a member, and when a publication was accepted.

use super::past::Newest;
use crate::protocol::Resume;
use crate::wire::Frame;

/// How a client becomes a member.
#[derive(Debug, Clone, Copy)]
pub struct Joining<'a> {
    /// Members the topic may have.
    pub max_members: usize,
    /// What the client wants of the past. With this, its publications carry their offsets,
    /// if the topic keeps a history.
    pub resume: Option<&'a Resume>,
    /// What the other members are told.
    pub announce: Option<&'a Frame>,
}

impl Default for Joining<'_> {
    fn default() -> Self {
        Self {
            max_members: usize::MAX,
            resume: None,
            announce: None,
        }
    }
}

/// What became of a publication.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Accepted {
    /// Members it was sent to.
    pub members: usize,
    /// Its position, if the topic keeps a history.
    pub position: Option<Newest>,
}
