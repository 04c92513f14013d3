//! Lists, shows and closes live connections.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
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
use crate::node::LiveConnection;
use crate::protocol::{CloseCode, ErrorCode, TopicKind};

#[derive(Debug, Serialize)]
pub(super) struct ConnectionView {
    id: Uuid,
    remote: Option<SocketAddr>,
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
}

impl From<LiveConnection> for ConnectionView {
    fn from(LiveConnection { client, sent }: LiveConnection) -> Self {
        let topics = client.topics();
        let names = |kind| {
            let of_kind = topics.iter().filter(|topic| topic.kind() == kind);
            of_kind.map(|topic| topic.name().to_string()).collect()
        };
        let (messages_in, bytes_in) = client.received();
        Self {
            id: client.id(),
            remote: client.remote(),
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
        }
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
    let (found, mut last) = (page.items.len(), None);
    let mut text = PageText::new("connections");
    for connection in page.items {
        last = Some(connection.client.id());
        if !text.push(&ConnectionView::from(connection)).await? {
            break;
        }
    }
    let more = page.more || text.items() < found;
    text.finish(page.total, last.filter(|_| more).as_ref())
}

/// `GET /api/connections/{id}`
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    PathText(id): PathText,
) -> Result<Json<ConnectionView>, ApiError> {
    let connection = api.node.connection(parse_id(&id)?).await?;
    connection
        .map(|found| Json(found.into()))
        .ok_or_else(not_found)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CloseQuery {
    reason: Option<String>,
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

fn parse_id(id: &str) -> Result<Uuid, ApiError> {
    id.parse()
        .map_err(|_| ApiError::new(ErrorCode::InvalidId, "a connection id must be a UUID"))
}

fn not_found() -> ApiError {
    ApiError::new(ErrorCode::NotFound, "no live connection has this id")
}
