//! Names in paths, and queries. Refusals are problem details.

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use super::problem::ApiError;
use crate::protocol::{ErrorCode, NOT_TEXT, decodes_to_text};

/// How the standard library says that a text is not a whole number.
const NOT_A_NUMBER: &str = "invalid digit found in string";
const NO_DIGITS: &str = "cannot parse integer from empty string";

/// The one parameter of a path, decoded.
#[derive(Debug)]
pub(super) struct PathText(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, state).await;
        let Path(text) = text.map_err(|_| ApiError::new(ErrorCode::InvalidPath, NOT_TEXT))?;
        Ok(Self(text))
    }
}

/// The parameters of a query.
///
/// Errors: one is unknown or invalid, or they are not text.
pub(super) fn read_query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    let invalid = |detail: String| ApiError::new(ErrorCode::InvalidQuery, detail);
    if !uri.query().is_none_or(decodes_to_text) {
        return Err(invalid(NOT_TEXT.to_owned()));
    }
    let query = Query::try_from_uri(uri).map_err(|error| {
        // What the library's text begins with says nothing to a client.
        let text = error.body_text();
        let (_, reason) = text.split_once("query string: ").unwrap_or(("", &text));
        // Nor do its words for a number.
        match reason.split_once(": ") {
            Some((field, NOT_A_NUMBER | NO_DIGITS)) => {
                invalid(format!("`{field}` must be a whole number"))
            }
            _ => invalid(reason.to_owned()),
        }
    });
    query.map(|Query(query)| query)
}
