//! Lists, shows and closes live connections.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Api;
use super::lists::PageText;
use super::query::PageQuery;
use crate::http::answer::NOT_CACHED;
use crate::http::problem::ApiError;
use crate::http::uri::{PathText, read_query};
use crate::hub::Transport;
use crate::node::{LiveConnection, Page};
use crate::protocol::{
    CloseCode, ErrorCode, Identity, Json as JsonText, JsonError, TopicKind, timestamp_seconds,
};

#[derive(Debug, Serialize)]
pub(super) struct ConnectionView {
    id: Uuid,
    remote: Option<String>,
    since: String,
    user: Option<String>,
    transport: &'static str,
    rooms: Vec<String>,
    channels: Vec<String>,
    queued_messages: usize,
    queued_bytes: usize,
    messages_in: u64,
    bytes_in: u64,
    messages_out: u64,
    bytes_out: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<String>,
    /// Appended as it is.
    #[serde(skip)]
    meta: Option<JsonText>,
}

impl From<LiveConnection> for ConnectionView {
    fn from(LiveConnection { client, sent }: LiveConnection) -> Self {
        let topics = client.topics();
        let names = |kind| {
            let of_kind = topics.iter().filter(|topic| topic.kind() == kind);
            of_kind.map(|topic| topic.name().to_string()).collect()
        };
        let (messages_in, bytes_in) = client.received();
        let identity = client.identity();
        let identity = identity.as_deref();
        let expires = identity.and_then(Identity::expires);
        Self {
            id: client.id(),
            remote: client.remote().map(shown),
            since: humantime::format_rfc3339_millis(client.since()).to_string(),
            user: client.user().map(|user| user.to_string()),
            transport: match client.transport() {
                Transport::WebSocket => "websocket",
                Transport::Sse => "sse",
            },
            rooms: names(TopicKind::Room),
            channels: names(TopicKind::Channel),
            queued_messages: sent.queued_messages,
            queued_bytes: sent.queued_bytes,
            messages_in,
            bytes_in,
            messages_out: sent.messages,
            bytes_out: sent.bytes,
            expires_at: expires.map(timestamp_seconds),
            token_id: identity.and_then(Identity::token_id).map(str::to_owned),
            meta: identity.and_then(Identity::meta).cloned(),
        }
    }
}

/// The address. One that was forwarded has no port.
fn shown(remote: SocketAddr) -> String {
    match remote.port() {
        0 => remote.ip().to_string(),
        _ => remote.to_string(),
    }
}

impl ConnectionView {
    /// Appends the view as JSON.
    pub(super) fn encode_into(&self, text: &mut Vec<u8>) -> Result<(), JsonError> {
        JsonText::encode_into(text, self)?;
        if let Some(meta) = &self.meta {
            text.pop();
            text.extend_from_slice(b",\"meta\":");
            text.extend_from_slice(meta.as_str().as_bytes());
            text.push(b'}');
        }
        Ok(())
    }
}

/// `GET /api/connections?limit=100&after=<id>`
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    query: PageQuery,
) -> Result<Response, ApiError> {
    let after = query.after.as_deref().map(parse_id).transpose()?;
    api.lists.respond(page(&api, after, query.limit())).await
}

async fn page(api: &Api, after: Option<Uuid>, limit: usize) -> Result<Vec<u8>, ApiError> {
    let page = api.node.connections(after, limit).await?;
    let (mut text, total) = (PageText::new("connections"), page.total);
    let next = push_page(&mut text, page).await?;
    text.finish(total, next.as_ref())
}

/// Appends the connections of a page for which there is room. Returns the id after which the next
/// page starts, if there is one.
pub(super) async fn push_page(
    text: &mut PageText,
    page: Page<LiveConnection>,
) -> Result<Option<Uuid>, ApiError> {
    let (found, mut last) = (page.items.len(), None);
    for connection in page.items {
        last = Some(connection.client.id());
        let view = ConnectionView::from(connection);
        if !text.push_with(|text| view.encode_into(text)).await? {
            break;
        }
    }
    let more = page.more || text.items() < found;
    Ok(last.filter(|_| more))
}

/// `GET /api/connections/{id}`
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    PathText(id): PathText,
) -> Result<Response, ApiError> {
    let connection = api.node.connection(parse_id(&id)?).await?;
    let view = ConnectionView::from(connection.ok_or_else(not_found)?);
    let mut text = Vec::new();
    view.encode_into(&mut text)?;
    Ok(([(CONTENT_TYPE, "application/json")], text).into_response())
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseQuery {
    pub(super) reason: Option<String>,
}

/// `DELETE /api/connections/{id}?reason=…`: closes the connection with code 4000 and the reason.
pub(super) async fn close(
    State(api): State<Arc<Api>>,
    PathText(id): PathText,
    uri: Uri,
) -> Result<Response, ApiError> {
    let query: CloseQuery = read_query(&uri)?;
    let connection = api.node.connection(parse_id(&id)?).await?;
    let client = connection.ok_or_else(not_found)?.client;
    tracing::info!(client = %client.id(), reason = ?query.reason, "closed by an operator");
    api.node
        .close(
            &client,
            CloseCode::ClosedByOperator,
            query.reason.as_deref(),
        )
        .await?;
    Ok((StatusCode::NO_CONTENT, NOT_CACHED).into_response())
}

pub(super) fn parse_id(id: &str) -> Result<Uuid, ApiError> {
    id.parse()
        .map_err(|_| ApiError::new(ErrorCode::InvalidId, "a connection id must be a UUID"))
}

fn not_found() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "no live connection has this id")
}
