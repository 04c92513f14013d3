//! Tokens that applications make.

use super::issuer::{SECRET, connect, start};

#[path = "../../../examples/services/token.rs"]
mod token_example;

#[tokio::test]
async fn the_rust_example_in_the_document_makes_a_token_that_is_accepted() {
    let document = include_str!("../../../docs/AUTH.md");
    assert!(document.contains(include_str!("../../../examples/services/token.rs")));
    let token = token_example::token("ada", SECRET.as_bytes()).expect("a token");
    let edge = start("").await;
    let mut ada = connect(&edge, &token).await;
    ada.subscribe("orders").await;
    ada.ask(
        r#"{"type":"subscribe","channel":"news"}"#,
        r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"news"}"#,
    )
    .await;
}
