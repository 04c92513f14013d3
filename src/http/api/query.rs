//! Query parameters of paged lists.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use serde::Deserialize;

use crate::http::problem::ApiError;
use crate::http::uri::read_query;
use crate::protocol::ErrorCode;

const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: usize = 1000;

/// The requested page of a list: `?limit=100&after=<last key of the previous page>`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    limit: Option<usize>,
    pub(super) after: Option<String>,
}

impl PageQuery {
    /// The maximum number of items on the page.
    pub(super) fn limit(&self) -> usize {
        self.limit.unwrap_or(DEFAULT_LIMIT)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PageQuery {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query: Self = read_query(&parts.uri)?;
        limit_in_range(query.limit)?;
        Ok(query)
    }
}

/// The maximum number of items on a page that asks for this many.
pub(super) fn limit_in_range(limit: Option<usize>) -> Result<usize, ApiError> {
    match limit {
        Some(limit) if limit == 0 || limit > MAX_LIMIT => Err(ApiError::new(
            ErrorCode::InvalidQuery,
            format!("`limit` must be 1 to {MAX_LIMIT}"),
        )),
        limit => Ok(limit.unwrap_or(DEFAULT_LIMIT)),
    }
}
