//! Reads the history of channels and rooms.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;

use super::Api;
use crate::http::problem::ApiError;
use crate::http::uri::{PathText, read_query};
use crate::protocol::{ChannelName, ErrorCode, HistoryRequest, RoomName, TopicName};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct HistoryQuery {
    limit: Option<u64>,
    before: Option<u64>,
    after: Option<u64>,
}

/// The requested page: `?limit=100`, with `&before=<offset>` or `&after=<offset>`.
#[derive(Debug)]
pub(super) struct RequestedPage(HistoryRequest);

impl<S: Send + Sync> FromRequestParts<S> for RequestedPage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query: HistoryQuery = read_query(&parts.uri)?;
        HistoryRequest::new(query.before, query.after, query.limit)
            .map(Self)
            .ok_or_else(|| {
                let detail = match (query.before, query.after) {
                    (Some(_), Some(_)) => "only one of `before` and `after` is allowed",
                    _ => "`limit` must be 1 to 1000",
                };
                ApiError::new(ErrorCode::InvalidQuery, detail)
            })
    }
}

/// `GET /api/channels/{name}/history`
pub(super) async fn of_channel(
    State(api): State<Arc<Api>>,
    PathText(name): PathText,
    RequestedPage(request): RequestedPage,
) -> Result<Response, ApiError> {
    let channel = ChannelName::new(&name).map_err(|error| {
        ApiError::new(
            ErrorCode::InvalidChannel,
            format!("the channel name {error}"),
        )
    })?;
    respond(&api, TopicName::Channel(channel.as_str()), request).await
}

/// `GET /api/rooms/{name}/history`
pub(super) async fn of_room(
    State(api): State<Arc<Api>>,
    PathText(name): PathText,
    RequestedPage(request): RequestedPage,
) -> Result<Response, ApiError> {
    let room = RoomName::new(&name)
        .map_err(|error| ApiError::new(ErrorCode::InvalidRoom, format!("the room name {error}")))?;
    respond(&api, TopicName::Room(room.as_str()), request).await
}

async fn respond(
    api: &Api,
    topic: TopicName<'_>,
    request: HistoryRequest,
) -> Result<Response, ApiError> {
    let make = async {
        let page = api.node.history(topic, request);
        page.map(String::into_bytes).map_err(|refusal| {
            let detail = "no history is kept here; enable it with --history or with a rule";
            match refusal.code {
                ErrorCode::NoHistory => ApiError::new(refusal.code, detail),
                _ => refusal.into(),
            }
        })
    };
    api.lists.respond(make).await
}
