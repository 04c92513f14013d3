//! Who may call the HTTP API, and what a caller may publish.

#[cfg(feature = "auth")]
mod bearer;
#[cfg(feature = "auth")]
mod local;
#[cfg_attr(not(feature = "auth"), path = "publisher_without_keys.rs")]
mod publisher;
mod scope;

use std::net::SocketAddr;
#[cfg(feature = "auth")]
use std::time::SystemTime;

use axum::extract::FromRequestParts;
use axum::http::Request;
use axum::http::request::Parts;

#[cfg(feature = "auth")]
use self::bearer::key_in;
#[cfg(feature = "auth")]
pub use self::local::LocalOnly;
pub(super) use self::publisher::Publisher;
pub(super) use self::scope::Scope;
use super::problem::ApiError;
#[cfg(feature = "auth")]
use crate::auth::{ApiKeys, KeyRefused};
use crate::protocol::ErrorCode;

/// Who may call the HTTP API. Health checks are open to everyone.
#[derive(Debug, Default)]
pub enum ApiAccess {
    /// Everyone who reaches it: an application mounts it, and decides that itself.
    #[default]
    Open,
    /// Programs on this machine, as long as there is no key.
    #[cfg(feature = "auth")]
    Local(LocalOnly),
    /// Requests with one of these keys, within its scopes.
    #[cfg(feature = "auth")]
    Keys(ApiKeys),
}

impl ApiAccess {
    /// Whether it looks at the key that a request brings.
    #[cfg_attr(not(feature = "auth"), allow(clippy::unused_self, unused_variables))]
    pub(super) fn takes_key_of<B>(&self, request: &Request<B>) -> bool {
        match self {
            #[cfg(feature = "auth")]
            Self::Keys(_) => key_in(request.headers()).is_some(),
            _ => false,
        }
    }

    /// Checks whether a request may use a route that needs this scope. The result says what it may
    /// publish.
    ///
    /// Allocates nothing, unless it refuses.
    ///
    /// Errors: 401 without a key, where one is needed, or with an unknown one; 403 if the key lacks
    /// the scope.
    #[cfg_attr(
        not(feature = "auth"),
        allow(clippy::unnecessary_wraps, unused_variables)
    )]
    pub(super) fn admit<B>(
        &self,
        scope: Scope,
        request: &Request<B>,
        peer: Option<SocketAddr>,
    ) -> Result<Publisher, ApiError> {
        match self {
            Self::Open => Ok(Publisher::unlimited()),
            #[cfg(feature = "auth")]
            Self::Local(local) => match local.check(request, peer) {
                Ok(()) => Ok(Publisher::unlimited()),
                Err(remote) => Err(unauthenticated(remote.to_string())),
            },
            #[cfg(feature = "auth")]
            Self::Keys(keys) => {
                let needed =
                    || unauthenticated("this needs an API key: `Authorization: Bearer wck_…`");
                let key = key_in(request.headers()).ok_or_else(needed)?;
                let known = keys.authenticate(key, SystemTime::now());
                let known = known.map_err(|refused| match refused {
                    KeyRefused::Unknown => unauthenticated("the API key is unknown"),
                    KeyRefused::Expired(id) => {
                        unauthenticated(format!("the API key `{id}` has expired"))
                    }
                })?;
                if scope.is_granted_by(known.scopes()) {
                    return Ok(Publisher::with_key(known.clone()));
                }
                let detail = format!("the API key `{}` has no scope `{scope}`", known.id());
                Err(ApiError::new(ErrorCode::Forbidden, detail))
            }
        }
    }
}

/// The router puts it there. On a route that needs no scope to publish there is none.
impl<S: Send + Sync> FromRequestParts<S> for Publisher {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let publisher = parts.extensions.remove();
        publisher.ok_or_else(|| ErrorCode::Internal.into())
    }
}

/// A refusal that asks for a key.
#[cfg(feature = "auth")]
fn unauthenticated(detail: impl Into<std::borrow::Cow<'static, str>>) -> ApiError {
    ApiError::new(ErrorCode::Unauthenticated, detail).with_challenge("Bearer realm=\"wavecast\"")
}
