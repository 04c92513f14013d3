//! The check that a request is not of a page that may not connect.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts};
use axum::http::request::Parts;
use axum::response::Response;

use crate::http;
use crate::protocol::{ErrorCode, Refusal};
use crate::server::WebSocketServer;
use crate::wire::OriginError;

/// An extractor that refuses requests of web pages that may not connect, by the server's
/// [`origins`](crate::WebSocketConfig::origins). As the first one of a handler, it comes before
/// everything else is looked at.
///
/// Errors: 403 `origin_not_allowed`; 400 `invalid_origin` if there is more than one `Origin`.
#[derive(Debug, Clone, Copy)]
pub struct CheckedOrigin(());

impl<S> FromRequestParts<S> for CheckedOrigin
where
    Arc<WebSocketServer>: FromRef<S>,
    S: Sync,
{
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Response> {
        let server = Arc::<WebSocketServer>::from_ref(state);
        let Some(allowed) = &server.config().origins else {
            return Ok(Self(()));
        };
        let checked = allowed.check(&parts.headers);
        checked.map(|()| Self(())).map_err(|error| {
            let code = match error {
                OriginError::Several => ErrorCode::InvalidOrigin,
                OriginError::NotAllowed => ErrorCode::OriginNotAllowed,
            };
            http::refuse(Refusal::new(code).with_detail(error.to_string()))
        })
    }
}
