//! Lists who is present in a channel or room.

use std::sync::Arc;

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Api;
use super::connections::parse_id;
use super::lists::PageText;
use super::query::limit_in_range;
use super::users::parse_user;
use crate::http::problem::ApiError;
use crate::http::uri::{PathText, read_query};
use crate::node::{PresenceError, PresentPage};
use crate::protocol::{
    ChannelName, ErrorCode, Json, JsonError, PresenceCounts, RoomName, TopicName, UserId, timestamp,
};

/// What a page lists.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    #[default]
    User,
    Connection,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PresenceQuery {
    limit: Option<usize>,
    after: Option<String>,
    #[serde(default)]
    by: By,
}

/// The requested page: `?limit=100&after=<user>`, or `?by=connection&limit=100&after=<connection>`.
#[derive(Debug)]
pub(super) enum RequestedPage {
    Users { after: Option<String>, limit: usize },
    Connections { after: Option<Uuid>, limit: usize },
}

impl<S: Send + Sync> FromRequestParts<S> for RequestedPage {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let PresenceQuery { limit, after, by } = read_query(&parts.uri)?;
        let limit = limit_in_range(limit)?;
        Ok(match by {
            By::User => Self::Users { after, limit },
            By::Connection => {
                let after = after.as_deref().map(parse_id).transpose()?;
                Self::Connections { after, limit }
            }
        })
    }
}

#[derive(Debug, Serialize)]
struct UserView<'a> {
    user: &'a str,
    connections: usize,
    /// Appended as they are, in this order.
    #[serde(skip)]
    info: Option<&'a Json>,
    #[serde(skip)]
    since: String,
}

impl UserView<'_> {
    fn encode_into(&self, text: &mut Vec<u8>) -> Result<(), JsonError> {
        Json::encode_into(text, self)?;
        text.pop();
        if let Some(info) = self.info {
            text.extend_from_slice(b",\"info\":");
            text.extend_from_slice(info.as_str().as_bytes());
        }
        text.extend_from_slice(b",\"since\":");
        Json::encode_into(text, &self.since)?;
        text.push(b'}');
        Ok(())
    }
}

#[derive(Debug, Serialize)]
struct ConnectionView<'a> {
    client: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    since: String,
}

/// `GET /api/channels/{name}/presence`
pub(super) async fn of_channel(
    State(api): State<Arc<Api>>,
    PathText(name): PathText,
    request: RequestedPage,
) -> Result<Response, ApiError> {
    let channel = ChannelName::new(&name).map_err(|error| {
        let detail = format!("the channel name {error}");
        ApiError::new(ErrorCode::InvalidChannel, detail)
    })?;
    let make = page(&api, TopicName::from(&channel), request);
    api.lists.respond(make).await
}

/// `GET /api/rooms/{name}/presence`
pub(super) async fn of_room(
    State(api): State<Arc<Api>>,
    PathText(name): PathText,
    request: RequestedPage,
) -> Result<Response, ApiError> {
    let room = RoomName::new(&name)
        .map_err(|error| ApiError::new(ErrorCode::InvalidRoom, format!("the room name {error}")))?;
    let make = page(&api, TopicName::from(&room), request);
    api.lists.respond(make).await
}

async fn page(
    api: &Api,
    topic: TopicName<'_>,
    request: RequestedPage,
) -> Result<Vec<u8>, ApiError> {
    match request {
        RequestedPage::Users { after, limit } => {
            let after = after.as_deref().map(parse_user).transpose()?;
            let PresentPage { page, counts } =
                api.node.present_users(topic, after.as_ref(), limit)?;
            let mut text = page_text(topic, counts);
            let (found, mut last) = (page.items.len(), None);
            for item in &page.items {
                last = Some(item.present.user.as_str());
                let view = UserView {
                    user: item.present.user.as_str(),
                    connections: item.connections,
                    info: item.present.info.as_ref(),
                    since: timestamp(item.since),
                };
                if !text.push_with(|text| view.encode_into(text)).await? {
                    break;
                }
            }
            let more = page.more || text.items() < found;
            text.finish(None, last.filter(|_| more).as_ref())
        }
        RequestedPage::Connections { after, limit } => {
            let PresentPage { page, counts } =
                api.node.present_connections(topic, after, limit).await?;
            let mut text = page_text(topic, counts);
            let (found, mut last) = (page.items.len(), None);
            for connection in &page.items {
                last = Some(connection.client);
                let view = ConnectionView {
                    client: connection.client,
                    user: connection.user.as_ref().map(UserId::as_str),
                    since: timestamp(connection.since),
                };
                if !text.push(&view).await? {
                    break;
                }
            }
            let more = page.more || text.items() < found;
            text.finish(None, last.filter(|_| more).as_ref())
        }
    }
}

fn page_text(topic: TopicName<'_>, counts: PresenceCounts) -> PageText {
    let (kind, name) = match topic {
        TopicName::Room(name) => ("room", name),
        TopicName::Channel(name) => ("channel", name),
    };
    let name = Json::from(name);
    let PresenceCounts {
        users,
        connections,
        anonymous,
    } = counts;
    PageText::after(format!(
        "{{\"{kind}\":{name},\"users\":{users},\"connections\":{connections},\
         \"anonymous\":{anonymous},\"members\":["
    ))
}

impl From<PresenceError> for ApiError {
    fn from(error: PresenceError) -> Self {
        match error {
            PresenceError::NotKept => {
                let detail = "no rule keeps who is present here; add one with `presence = true`";
                Self::new(ErrorCode::NoPresence, detail)
            }
            PresenceError::NotPresent => {
                let detail = "the user in `after` is no longer present; begin again without it";
                Self::new(ErrorCode::InvalidQuery, detail)
            }
            PresenceError::Unavailable(error) => error.into(),
        }
    }
}
