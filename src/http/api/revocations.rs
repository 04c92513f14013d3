//! Revokes tokens, lists the revocations in force, and takes them back.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use super::Api;
use super::lists::PageText;
use super::query::PageQuery;
use crate::http::body::read_json;
use crate::http::problem::ApiError;
use crate::http::uri::PathText;
use crate::node::{Revocation, RevokeError, Revoked};
use crate::protocol::{
    ErrorCode, EventData, JsonError, Refusal, Subject, UserId, timestamp_seconds,
};

/// Maximum length of a token's id, in bytes.
const MAX_TOKEN_ID_BYTES: usize = 128;
/// How long a revocation lasts by default, where there is no limit to the life of tokens.
const DEFAULT_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The body of `POST /api/revocations`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RevocationRequest {
    token_id: Option<String>,
    user: Option<String>,
    /// Seconds since 1970.
    issued_before: Option<u64>,
    #[serde(rename = "for")]
    lifetime: Option<String>,
}

#[derive(Debug, Serialize)]
struct Made {
    id: String,
    closed: usize,
}

#[derive(Debug, Serialize)]
struct RevocationView {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_before: Option<u64>,
    until: String,
}

impl From<Revocation> for RevocationView {
    fn from(revocation: Revocation) -> Self {
        let (mut token_id, mut user, mut issued_before) = (None, None, None);
        match revocation.what {
            Revoked::Token(id) => token_id = Some(id),
            Revoked::User {
                user: id,
                issued_before: at,
            } => {
                user = Some(id.to_string());
                issued_before = Some(at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs());
            }
        }
        Self {
            id: revocation.id,
            token_id,
            user,
            issued_before,
            until: timestamp_seconds(revocation.until),
        }
    }
}

/// `POST /api/revocations`: `{"token_id":"…"}` or `{"user":"…","issued_before":…}`, each with `"for":"24h"`.
pub(super) async fn revoke(
    State(api): State<Arc<Api>>,
    request: axum::extract::Request,
) -> Result<Response, ApiError> {
    let body = read_json(&api.node, &api.bodies, api.max_body_bytes, request).await?;
    let request = body.parse(parse).await?;
    let now = SystemTime::now();
    let default = api.node.tokens().map_or(DEFAULT_LIFETIME, |tokens| {
        // As long as a token may be accepted.
        tokens.max_lifetime.saturating_add(tokens.leeway)
    });
    let lifetime = match &request.lifetime {
        None => default,
        Some(text) => humantime::parse_duration(text)
            .map_err(|error| invalid("for", format!("`for` is not a time: {error}")))?,
    };
    let until = now.checked_add(lifetime);
    let until = until.ok_or_else(|| invalid("for", "`for` is too long".to_owned()))?;
    let what = what(&request, now)?;
    tracing::info!(?what, until = timestamp_seconds(until), "revoked");
    let revoked = api.node.revoke(&what, until).await;
    let (revocation, closed) = revoked.map_err(|error| match error {
        RevokeError::TooMany(error) => {
            Refusal::from_error(ErrorCode::TooManyRevocations, &error).into()
        }
        RevokeError::NotSaved(error) => not_saved(&error),
    })?;
    let answer = Made {
        id: revocation.id,
        closed,
    };
    Ok((StatusCode::CREATED, axum::Json(answer)).into_response())
}

fn parse(text: &[u8]) -> Result<RevocationRequest, ApiError> {
    let not_json = |error: String| ApiError::new(ErrorCode::InvalidJson, error);
    let text = str::from_utf8(text).map_err(|error| not_json(error.to_string()))?;
    let json = EventData::parse(text).map_err(|error| not_json(error.to_string()))?;
    json.to_json().decode().map_err(|error: JsonError| {
        let detail = error.to_string();
        let code = if detail.starts_with("unknown field") {
            ErrorCode::UnknownField
        } else {
            ErrorCode::MissingField
        };
        ApiError::new(code, detail)
    })
}

/// What is to be revoked: one token, or tokens of one user.
fn what(request: &RevocationRequest, now: SystemTime) -> Result<Revoked, ApiError> {
    match (&request.token_id, &request.user) {
        (Some(id), None) => {
            if request.issued_before.is_some() {
                let detail = "`issued_before` goes with `user`: a token has one time of issue";
                return Err(invalid("issued_before", detail.to_owned()));
            }
            if id.is_empty() || id.len() > MAX_TOKEN_ID_BYTES {
                let detail = format!("`token_id` must have 1 to {MAX_TOKEN_ID_BYTES} bytes");
                return Err(invalid("token_id", detail));
            }
            Ok(Revoked::Token(id.clone()))
        }
        (None, Some(user)) => {
            let user = UserId::new(user).map_err(|error| {
                ApiError::new(ErrorCode::InvalidUser, format!("`user` {error}"))
            })?;
            let issued_before = match request.issued_before {
                None => Some(now),
                Some(seconds) => UNIX_EPOCH.checked_add(Duration::from_secs(seconds)),
            };
            let issued_before = issued_before.ok_or_else(|| {
                invalid("issued_before", "`issued_before` is too large".to_owned())
            })?;
            Ok(Revoked::User {
                user,
                issued_before,
            })
        }
        (None, None) => Err(invalid(
            "token_id",
            "one of `token_id` and `user` is needed".to_owned(),
        )),
        (Some(_), Some(_)) => Err(ApiError::new(
            ErrorCode::InvalidCommand,
            "`token_id` and `user` exclude each other",
        )),
    }
}

/// The change is in force, but it will not outlive a restart.
fn not_saved(error: &impl std::error::Error) -> ApiError {
    tracing::error!(%error, "revocation not saved");
    Refusal::from_error(ErrorCode::Internal, error).into()
}

fn invalid(field: &'static str, detail: String) -> ApiError {
    Refusal::new(ErrorCode::MissingField)
        .about(Subject::Field(field))
        .with_detail(detail)
        .into()
}

/// `GET /api/revocations?limit=100&after=<id>`
pub(super) async fn list(
    State(api): State<Arc<Api>>,
    query: PageQuery,
) -> Result<Response, ApiError> {
    let limit = query.limit();
    api.lists
        .respond(page(&api, query.after.as_deref(), limit))
        .await
}

async fn page(api: &Api, after: Option<&str>, limit: usize) -> Result<Vec<u8>, ApiError> {
    let revocations = api.node.revocations();
    let (page, more) = revocations.list(after, limit, SystemTime::now());
    let (found, mut last) = (page.len(), None);
    let mut text = PageText::new("revocations");
    for revocation in page {
        last = Some(revocation.id.clone());
        if !text.push(&RevocationView::from(revocation)).await? {
            break;
        }
    }
    let more = more || text.items() < found;
    text.finish(None, last.filter(|_| more).as_ref())
}

/// `DELETE /api/revocations/{id}`
pub(super) async fn take_back(
    State(api): State<Arc<Api>>,
    PathText(id): PathText,
) -> Result<StatusCode, ApiError> {
    let taken_back = api.node.take_back(&id).await;
    if taken_back.map_err(|error| not_saved(&error))? {
        tracing::info!(id, "revocation taken back");
        return Ok(StatusCode::NO_CONTENT);
    }
    Err(ApiError::new(
        ErrorCode::NotFound,
        "no revocation has this id",
    ))
}
