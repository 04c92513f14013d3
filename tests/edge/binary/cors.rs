//! Requests from pages of other origins.

use crate::support::{Binary, exchange};

/// A request from a page of another origin.
fn from_origin(method: &str, headers: &str) -> String {
    format!(
        "{method} /api/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Origin: https://app.example\r\n{headers}Content-Length: 0\r\n\r\n"
    )
}

#[tokio::test]
async fn cors_is_off_unless_configured() {
    let preflight = from_origin(
        "OPTIONS",
        "Access-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: content-type\r\n",
    );
    let edge = Binary::start(&[]).await;
    let response = exchange(edge.address, preflight.as_bytes()).await;
    assert_eq!(response.status, 405);
    assert_eq!(response.header("access-control-allow-origin"), None);

    let edge = Binary::start(&["--cors-origin", "https://app.example,https://b.example"]).await;
    let response = exchange(edge.address, preflight.as_bytes()).await;
    assert_eq!(response.status, 200);
    assert_eq!(
        response.header("access-control-allow-origin"),
        Some("https://app.example")
    );
    assert!(
        response
            .header("access-control-allow-methods")
            .unwrap()
            .contains("POST")
    );
    assert_eq!(
        response.header("access-control-allow-headers"),
        Some("content-type,last-event-id")
    );
    // Only exactly these origins are allowed.
    for other in [
        "https://app.example.evil",
        "http://app.example",
        "https://evil-app.example",
        "null",
    ] {
        let preflight = preflight.replace("https://app.example", other);
        let response = exchange(edge.address, preflight.as_bytes()).await;
        assert_eq!(
            response.header("access-control-allow-origin"),
            None,
            "{other}"
        );
    }
    let plain = from_origin("POST", "Content-Type: application/json\r\n");
    let response = exchange(edge.address, plain.as_bytes()).await;
    assert_eq!(response.status, 400);
    assert_eq!(
        response.header("access-control-allow-origin"),
        Some("https://app.example")
    );

    let edge = Binary::start(&["--cors-origin", "*"]).await;
    let response = exchange(edge.address, preflight.as_bytes()).await;
    assert_eq!(response.header("access-control-allow-origin"), Some("*"));
}
