//! Requests for event streams.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;

use axum::extract::{FromRequestParts, Query};
use axum::http::request::Parts;
use axum::http::{Uri, Version};

use super::handover::Handover;
use super::unavailable::accepts_event_stream;
use crate::node::policy::TokenOptions;
use crate::protocol::{
    ChannelName, ErrorCode, Identity, NAME_CHARS, NOT_TEXT, Refusal, decodes_to_text, did_you_mean,
    excerpt, nearest,
};
use crate::transport::client_address::ClientAddress;
use crate::transport::credentials::{Credentials, HeaderTokens};

/// Maximum number of channels per stream, even if clients of other transports may have more: each
/// event id contains the positions in all of them.
pub(super) const MAX_CHANNELS: usize = 256;

const CHANNEL: &str = "channel";
const LAST_EVENT_ID: &str = "last-event-id";

/// A request for an event stream, not yet parsed.
#[derive(Debug)]
pub struct SseRequest {
    uri: Uri,
    identity: Option<Identity>,
    tokens: HeaderTokens,
    pub(super) remote: Option<SocketAddr>,
    pub(super) handover: Option<Handover>,
    pub(super) version: Version,
    last_event_id: Option<String>,
    accepts_event_stream: bool,
}

impl SseRequest {
    /// The request's URI.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The [`Identity`] that middleware put into the request's extensions.
    pub fn identity(&self) -> Option<&Identity> {
        self.identity.as_ref()
    }

    /// The address of the client, if the listener provides it.
    pub(crate) fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// The token of the request.
    pub(super) fn credentials(&self, options: &TokenOptions) -> Result<Credentials, Refusal> {
        self.tokens.with_query(&self.uri, options)
    }

    /// Whether the client says that it takes event streams, as a browser's `EventSource` does.
    pub(crate) fn accepts_event_stream(&self) -> bool {
        self.accepts_event_stream
    }

    /// Parses the query and the `Last-Event-ID` header. The number of channels is limited by
    /// `max_topics`.
    pub(super) fn parse(&self, max_topics: usize) -> Result<SseParameters, Refusal> {
        if !self.uri.query().is_none_or(decodes_to_text) {
            return Err(refused(ErrorCode::InvalidQuery, NOT_TEXT));
        }
        let Query(query) = Query::<Vec<(String, String)>>::try_from_uri(&self.uri)
            .map_err(|error| refused(ErrorCode::InvalidQuery, error.body_text()))?;
        let max = max_topics.min(MAX_CHANNELS);
        let mut parameters = SseParameters {
            channels: Vec::new(),
            last: None,
            last_event_id: None,
        };
        let mut misspelt = None;
        for (key, value) in query {
            match key.as_str() {
                CHANNEL => parameters.add_channel(&value, max)?,
                "last" => {
                    let last = value.parse().map_err(|_| {
                        let detail = "`last` must be a number of events";
                        refused(ErrorCode::InvalidQuery, detail)
                    })?;
                    parameters.last = Some(last);
                }
                "last_event_id" => parameters.last_event_id = Some(value),
                // Meant for a proxy, or for a later version.
                other => misspelt = misspelt.or_else(|| nearest(other, [CHANNEL])),
            }
        }
        // The browser's header is newer: the URI stays the same when it reconnects.
        if self.last_event_id.is_some() {
            parameters.last_event_id.clone_from(&self.last_event_id);
        }
        parameters.last_event_id = parameters.last_event_id.filter(|id| !id.is_empty());
        if parameters.channels.is_empty() {
            let end = did_you_mean(misspelt);
            return Err(refused(
                ErrorCode::MissingField,
                format!("at least one channel is required, as in /sse?channel=news{end}"),
            ));
        }
        Ok(parameters)
    }
}

/// The validated parameters of a request.
#[derive(Debug)]
pub(super) struct SseParameters {
    /// The requested channels without duplicates, in the order in which they were named.
    pub(super) channels: Vec<ChannelName>,
    /// The number of newest events to replay per channel if it cannot be resumed.
    pub(super) last: Option<u64>,
    /// The id to resume from.
    pub(super) last_event_id: Option<String>,
}

impl SseParameters {
    fn add_channel(&mut self, name: &str, max: usize) -> Result<(), Refusal> {
        let channel = ChannelName::new(name).map_err(|error| {
            let quoted = excerpt(name, NAME_CHARS);
            refused(error.channel_code(), format!("channel {quoted:?}: {error}"))
        })?;
        if self.channels.contains(&channel) {
            return Ok(());
        }
        if self.channels.len() == max {
            return Err(refused(
                ErrorCode::TooManyTopics,
                format!("a stream can have at most {max} channels"),
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
        Ok(Self {
            uri: parts.uri.clone(),
            identity: parts.extensions.get().cloned(),
            tokens: HeaderTokens::read(&parts.headers),
            remote: ClientAddress::of(&parts.extensions),
            handover: parts.extensions.remove(),
            version: parts.version,
            accepts_event_stream: accepts_event_stream(&parts.headers),
            last_event_id: last_event_id.map(|id| String::from_utf8_lossy(id.as_bytes()).into()),
        })
    }
}
