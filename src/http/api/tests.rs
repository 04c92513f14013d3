use super::routes;

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
    assert_eq!(found.len(), 19, "{found:#?}");
    for (route, scope) in [
        ("POST /api/events", "publish"),
        ("POST /api/events/batch", "publish"),
        ("POST /api/events/stream", "publish"),
        ("GET /api/stats", "read"),
        ("GET /api/channels", "read"),
        ("GET /api/channels/{name}/history", "read"),
        ("GET /api/channels/{name}/presence", "read"),
        ("GET /api/rooms", "read"),
        ("GET /api/rooms/{name}/history", "read"),
        ("GET /api/rooms/{name}/presence", "read"),
        ("GET /api/connections", "read"),
        ("GET /api/connections/{id}", "read"),
        ("DELETE /api/connections/{id}", "admin"),
        ("GET /api/revocations", "admin"),
        ("POST /api/revocations", "admin"),
        ("DELETE /api/revocations/{id}", "admin"),
        ("GET /api/users", "read"),
        ("GET /api/users/{id}", "read"),
        ("DELETE /api/users/{id}", "admin"),
    ] {
        assert!(found.contains(&of(route, scope)), "{route}: {found:#?}");
    }
}
