//! What the description of the API says about a route.

use axum::http::Method;
use utoipa::openapi::path::{HttpMethod, Operation, PathItem, Paths};
use utoipa::openapi::security::SecurityRequirement;

use crate::http::access::Scope;

/// The name of the way in which keys are sent.
const API_KEY: &str = "api_key";

/// A route: its path, its method and the scope that it needs.
pub(super) fn described(path: &str, method: &Method, scope: Scope) -> Paths {
    let method = match *method {
        Method::POST => HttpMethod::Post,
        Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    };
    let mut operation = Operation::new();
    let needed = SecurityRequirement::new(API_KEY, [scope.to_string()]);
    operation.security = Some(vec![needed]);
    let mut paths = Paths::new();
    let item = PathItem::new(method, operation);
    paths.paths.insert(path.to_owned(), item);
    paths
}
