//! `$all` and `$system`: what reaches only those who are connected.

use serde_json::json;

use crate::support::{EventSource, TestServer, with_history};

#[tokio::test]
async fn an_announcement_that_a_client_missed_is_not_recovered_and_none_is_promised() {
    let server = TestServer::start(with_history(100)).await;
    let announce = async |message| {
        let event = json!({"broadcast": true, "data": {"message": message}});
        assert_eq!(server.post("/api/events", &event).await.status, 200);
    };
    let mut client = server.connect().await;
    let mut source = EventSource::subscribe(server.address, &["news"]).await;
    server.publish("news", "1").await;
    source.next_json().await;
    announce("while connected").await;
    client.expect_event("$all", "while connected").await;
    assert_eq!(source.next_json().await["channel"], "$all");
    let id = source.last_id.clone().expect("an id");
    client.hang_up().await;
    drop(source);
    announce("while away").await;

    let mut client = server.connect().await;
    for (request, answer) in [
        (
            r#"{"type":"subscribe","channel":"$all","since":{"offset":1,"epoch":"e"}}"#,
            r#"{"type":"subscribed","channel":"$all","recovered":false,"reason":"no_history"}"#,
        ),
        (
            r#"{"type":"subscribe","channel":"$all","last":10}"#,
            r#"{"type":"subscribed","channel":"$all"}"#,
        ),
        (
            r#"{"type":"history","channel":"$all"}"#,
            r#"{"type":"error","code":"no_history","message":"No history is kept","channel":"$all"}"#,
        ),
    ] {
        client.ask(request, answer).await;
    }
    client.expect_silence().await;
    // An event stream resumes its channels, and nothing else.
    let mut source = EventSource::resume(server.address, &["news"], &id).await;
    let answer = source.next_json().await;
    assert_eq!(
        (&answer["recovered"], &answer["replayed"]),
        (&json!(true), &json!(0)),
        "{answer}"
    );
    announce("afterwards").await;
    client.expect_event("$all", "afterwards").await;
    assert_eq!(source.next_json().await["data"]["message"], "afterwards");
}
