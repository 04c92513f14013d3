//! What a request for events asks for.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{ConnectInfo, FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{Uri, Version};

use super::handover::Handover;
use crate::protocol::{ChannelName, ErrorCode, Identity, Refusal};

/// Channels of one stream, whatever a client of another kind may have: each id names the
/// positions of all of them.
pub(super) const MAX_CHANNELS: usize = 256;

/// How much of a name that is refused stands in the answer.
const SHOWN_CHARS: usize = 64;
const LAST_EVENT_ID: &str = "last-event-id";

/// A request for a stream of events, not checked yet.
#[derive(Debug)]
pub struct SseRequest {
    uri: Uri,
    identity: Option<Identity>,
    pub(super) remote: Option<SocketAddr>,
    pub(super) handover: Option<Handover>,
    pub(super) version: Version,
    last_event_id: Option<String>,
}

impl SseRequest {
    /// The address that was asked for.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// Who asks, if middleware put an [`Identity`] into the request's extensions.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// What is asked for. `max_topics` bounds the channels.
    pub(super) fn parse(&self, max_topics: usize) -> Result<RequestedStream, Refusal> {
        let Query(parameters) = Query::<Vec<(String, String)>>::try_from_uri(&self.uri)
            .map_err(|error| refused(ErrorCode::InvalidQuery, error.body_text()))?;
        let max = max_topics.min(MAX_CHANNELS);
        let mut requested = RequestedStream {
            channels: Vec::new(),
            last: 0,
            last_event_id: None,
        };
        for (key, value) in parameters {
            match key.as_str() {
                "channel" => requested.add(&value, max)?,
                "last" => {
                    requested.last = value.parse().map_err(|_| {
                        let detail = "`last` is how many of the newest events are requested";
                        refused(ErrorCode::InvalidQuery, detail)
                    })?;
                }
                "last_event_id" => requested.last_event_id = Some(value),
                // For others on the way, or of later versions.
                _ => {}
            }
        }
        // A browser's own is newer: the address stays the same when it comes back.
        if self.last_event_id.is_some() {
            requested.last_event_id.clone_from(&self.last_event_id);
        }
        requested.last_event_id = requested.last_event_id.filter(|id| !id.is_empty());
        if requested.channels.is_empty() {
            return Err(refused(
                ErrorCode::MissingField,
                "name at least one channel, as in /sse?channel=news",
            ));
        }
        Ok(requested)
    }
}

/// What a request asks for, checked.
#[derive(Debug)]
pub(super) struct RequestedStream {
    /// Each once, in the order they were named.
    pub(super) channels: Vec<ChannelName>,
    /// So many of the newest events, where nothing can be resumed.
    pub(super) last: u64,
    pub(super) last_event_id: Option<String>,
}

impl RequestedStream {
    fn add(&mut self, name: &str, max: usize) -> Result<(), Refusal> {
        let channel = ChannelName::new(name).map_err(|error| {
            let shown: String = name.chars().take(SHOWN_CHARS).collect();
            refused(
                ErrorCode::InvalidChannel,
                format!("channel {shown:?}: {error}"),
            )
        })?;
        if self.channels.contains(&channel) {
            return Ok(());
        }
        if self.channels.len() == max {
            return Err(refused(
                ErrorCode::TooManyTopics,
                format!("one stream takes at most {max} channels"),
            ));
        }
        self.channels.push(channel);
        Ok(())
    }
}

fn refused(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(code).with_detail(detail)
}

impl<S: Sync> FromRequestParts<S> for SseRequest {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let last_event_id = parts.headers.get(LAST_EVENT_ID);
        let remote = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        Ok(Self {
            uri: parts.uri.clone(),
            identity: parts.extensions.get().cloned(),
            remote: remote.map(|&ConnectInfo(remote)| remote),
            handover: parts.extensions.remove(),
            version: parts.version,
            last_event_id: last_event_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into()),
        })
    }
}
