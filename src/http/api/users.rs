//! Lists users, shows their connections and closes them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde::Serialize;
use uuid::Uuid;

use super::Api;
use super::connections::{CloseQuery, parse_id, push_page};
use super::lists::PageText;
use super::query::PageQuery;
use crate::http::problem::ApiError;
use crate::http::uri::{PathText, read_query};
use crate::node::{OnlineUser, Unavailable};
use crate::protocol::{CloseCode, ErrorCode, Json as JsonText, UserId};

#[derive(Debug, Serialize)]
struct UserView<'a> {
    user: &'a str,
    connections: usize,
}

/// `GET /api/users?limit=100&after=<user>`
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    query: PageQuery,
) -> Result<Response, ApiError> {
    api.lists.respond(page(&api, &query)).await
}

async fn page(api: &Api, query: &PageQuery) -> Result<Vec<u8>, ApiError> {
    let page = api.node.users(query.after.as_deref(), query.limit());
    let mut text = PageText::new("users");
    for user in &page.items {
        let view = UserView {
            user: user.id(),
            connections: user.connections(),
        };
        if !text.push(&view).await? {
            break;
        }
    }
    let (shown, found) = (text.items(), page.items.len());
    let last = page.items.get(..shown).and_then(<[_]>::last);
    let next = last.filter(|_| page.more || shown < found);
    text.finish(page.total, next.map(OnlineUser::id).as_ref())
}

/// `GET /api/users/{id}?limit=100&after=<connection>`: the connections of a user; none, if nobody of
/// this id is connected.
pub(super) async fn show(
    State(api): State<Arc<Api>>,
    PathText(id): PathText,
    query: PageQuery,
) -> Result<Response, ApiError> {
    let user = parse_user(&id)?;
    let after = query.after.as_deref().map(parse_id).transpose()?;
    let make = connections(&api, &user, after, query.limit());
    api.lists.respond(make).await
}

async fn connections(
    api: &Api,
    user: &UserId,
    after: Option<Uuid>,
    limit: usize,
) -> Result<Vec<u8>, ApiError> {
    let page = api.node.connections_of(user, after, limit).await?;
    let name = JsonText::from(user.as_str());
    let mut text = PageText::after(format!("{{\"user\":{name},\"connections\":["));
    let next = push_page(&mut text, page).await?;
    text.finish(None, next.as_ref())
}

#[derive(Debug, Serialize)]
pub(super) struct Closed {
    closed: usize,
}

/// `DELETE /api/users/{id}?reason=…`: closes all connections of a user with code 4000 and the reason.
pub(super) async fn close(
    State(api): State<Arc<Api>>,
    PathText(id): PathText,
    uri: Uri,
) -> Result<Json<Closed>, ApiError> {
    let query: CloseQuery = read_query(&uri)?;
    let user = parse_user(&id)?;
    let (code, reason) = (CloseCode::ClosedByOperator, query.reason.as_deref());
    let closed = api.node.close_user(&user, code, reason).await?;
    tracing::info!(%user, closed, reason, "closed by an operator");
    Ok(Json(Closed { closed }))
}

pub(super) fn parse_user(id: &str) -> Result<UserId, ApiError> {
    UserId::new(id)
        .map_err(|error| ApiError::new(ErrorCode::InvalidUser, format!("the user id {error}")))
}

impl From<Unavailable> for ApiError {
    fn from(error: Unavailable) -> Self {
        match error {
            Unavailable::Overloaded => Self::new(ErrorCode::Overloaded, error.to_string()),
            Unavailable::Closed(closed) => closed.into(),
        }
    }
}
