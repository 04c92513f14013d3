//! How a client joins, and what it is told.

use std::sync::Arc;

use crate::dialect::Source;
use crate::presence::Info;
use crate::protocol::{Presence, ResumeRequest, Resumption};

/// How a client joins a topic.
#[derive(Debug, Clone, Copy)]
pub struct JoinOptions<'a> {
    /// The maximum number of members of the topic.
    pub max_members: usize,
    /// Where to resume. With a request, each publication carries its offset if the topic
    /// keeps a history.
    pub resume: Option<&'a ResumeRequest>,
    /// The notice sent to the other members, if no connection of the client's user is one of them.
    pub announce: Option<&'a Arc<dyn Source>>,
    /// What is shown of the client's user where presence is kept.
    pub info: Option<&'a Info>,
    /// Whether the client is told from now on who is present, where that is kept. `None` changes
    /// nothing.
    pub watches: Option<bool>,
}

/// What a client has joined.
#[derive(Debug, Clone, Copy)]
pub struct Joined<'a> {
    /// The number of members.
    pub members: usize,
    /// The answer to its resume request.
    pub resumption: Option<&'a Resumption>,
    /// Who is present, if the client asked to be told.
    pub present: Option<&'a Presence>,
}

impl Default for JoinOptions<'_> {
    fn default() -> Self {
        Self {
            max_members: usize::MAX,
            resume: None,
            announce: None,
            info: None,
            watches: None,
        }
    }
}
