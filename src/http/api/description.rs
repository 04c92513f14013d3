//! What the description of the API says about a route.

use utoipa::openapi::path::{HttpMethod, Operation, PathItem, Paths};
use utoipa::openapi::security::SecurityRequirement;

use super::router::Method;
use crate::http::access::Scope;

/// The name of the way in which keys are sent.
const API_KEY: &str = "api_key";

/// A route: its path, its method and the scope that it needs.
pub(super) fn described(path: &str, method: Method, scope: Scope) -> Paths {
    let method = match method {
        Method::Get => HttpMethod::Get,
        Method::Post => HttpMethod::Post,
        Method::Delete => HttpMethod::Delete,
    };
    let mut operation = Operation::new();
    let needed = SecurityRequirement::new(API_KEY, [scope.to_string()]);
    operation.security = Some(vec![needed]);
    let mut paths = Paths::new();
    let item = PathItem::new(method, operation);
    paths.paths.insert(path.to_owned(), item);
    paths
}

#[cfg(test)]
mod tests {
    use crate::http::api::routes;

    #[test]
    fn every_route_is_described_with_its_scope() {
        let description = routes().into_description();
        let mut found = Vec::new();
        for (path, item) in description.paths.paths {
            for (method, operation) in [
                ("GET", item.get),
                ("POST", item.post),
                ("DELETE", item.delete),
            ] {
                let security = operation.and_then(|operation| operation.security);
                if let Some(security) = security {
                    let scope = serde_json::to_string(&security).unwrap();
                    found.push(format!("{method} {path} {scope}"));
                }
            }
        }
        let of = |route: &str, scope: &str| format!(r#"{route} [{{"api_key":["{scope}"]}}]"#);
        assert_eq!(found.len(), 14, "{found:#?}");
        for (route, scope) in [
            ("POST /api/events", "publish"),
            ("POST /api/events/batch", "publish"),
            ("POST /api/events/stream", "publish"),
            ("GET /api/stats", "read"),
            ("GET /api/channels", "read"),
            ("GET /api/channels/{name}/history", "read"),
            ("GET /api/rooms", "read"),
            ("GET /api/rooms/{name}/history", "read"),
            ("GET /api/connections", "read"),
            ("GET /api/connections/{id}", "read"),
            ("DELETE /api/connections/{id}", "admin"),
            ("GET /api/users", "read"),
            ("GET /api/users/{id}", "read"),
            ("DELETE /api/users/{id}", "admin"),
        ] {
            assert!(found.contains(&of(route, scope)), "{route}: {found:#?}");
        }
    }
}
