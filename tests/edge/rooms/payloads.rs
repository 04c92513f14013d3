//! What members send arrives as they sent it.

use crate::support::{TestServer, with_history};

#[tokio::test]
async fn content_arrives_byte_for_byte() {
    let server = TestServer::start(with_history(100)).await;
    let (mut first, mut second) = (server.connect().await, server.connect().await);
    first.join("general", 1).await;
    second.join("general", 2).await;
    first.next_text().await;
    let from = server.id_of(&first).await;
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let contents = [
        "36893488147419103232",
        "-0",
        "1e5",
        "0.1000000000000000000000000000000000000000000001",
        r#""cut \ud83d""#,
        "{ \"b\" :\n[1 ,2],\"a\":1, \"b\" : \"\\u0041\\/\" }",
        r#"{"content":{"content":1},"id":7,"timestamp":8}"#,
        "null",
        &deep,
    ];
    for content in contents {
        let command = format!(r#"{{"type":"message","room":"general","content": {content} }}"#);
        first.send_text(&command).await;
        let message =
            format!(r#"{{"type":"message","room":"general","from":"{from}","content":{content}}}"#);
        second.expect_text(&message).await;
    }
    let history = server.http("GET", "/api/rooms/general/history", None).await;
    for content in contents {
        let kept = format!("\"content\":{content},\"offset\"");
        assert!(history.body.contains(&kept), "{kept}");
    }
}

#[tokio::test]
async fn content_that_is_not_json_is_refused() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.join("general", 1).await;
    for content in ["", "01", "0 1", "{a:1}", "[1,]", "'a'", "\"\n\"", "[1}"] {
        let command = format!(r#"{{"type":"message","room":"general","content":{content}}}"#);
        client.send_text(&command).await;
        assert_eq!(
            client.next_json().await["code"],
            "invalid_json",
            "{content}"
        );
    }
}

#[tokio::test]
async fn a_repeated_field_is_refused_an_unknown_one_ignored_and_null_is_absent() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    let repeated = r#"{"type":"error","code":"invalid_command","message":"Invalid command"}"#;
    for command in [
        r#"{"type":"join","room":"a","room":"b"}"#,
        r#"{"type":"join","room":"a","r\u006fom":"a"}"#,
        r#"{"type":"ping","id":1,"id":1}"#,
    ] {
        client.ask(command, repeated).await;
    }
    client
        .ask(r#"{"type":"ping","unknown":1}"#, r#"{"type":"pong"}"#)
        .await;
    let nulls = r#"{"type":"join","room":"a","id":null,"since":null,"last":null,"positions":null}"#;
    client
        .ask(nulls, r#"{"type":"joined","room":"a","members":1}"#)
        .await;
}
