//! What a scripted scenario is run with.

use crate::base::target::Target;
use crate::base::tokens::Tokens;
use std::time::Duration;

/// What a scripted scenario is run with.
#[derive(Clone, Debug)]
pub(crate) struct SceneOptions {
    pub(crate) ws: Target,
    pub(crate) api: Target,
    /// Header lines of upgrade requests and of requests to the API, each with its end.
    pub(crate) upgrade_headers: String,
    pub(crate) api_headers: String,
    pub(crate) tokens: Tokens,
    /// Part of every channel name.
    pub(crate) run: u32,
    pub(crate) seed: u64,
    pub(crate) connections: u32,
    pub(crate) connect_rate: f64,
    pub(crate) connect_timeout: Duration,
    /// Publications, or joins and leaves, per second.
    pub(crate) rate: f64,
    pub(crate) duration: Duration,
    pub(crate) drain: Duration,
    pub(crate) timing: Timing,
}

/// What the server's configuration says, which no client can ask for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// `tokens.leeway`.
    pub(crate) leeway: Duration,
    /// How long the tokens live that are to expire.
    pub(crate) token_life: Duration,
    /// `linger` and `interval` of the rule for presence.
    pub(crate) linger: Duration,
    pub(crate) interval: Duration,
}

impl SceneOptions {
    /// The name of the channel that everything happens in.
    pub(crate) fn channel(&self) -> String {
        format!("lt.{:08x}.0", self.run)
    }
}
