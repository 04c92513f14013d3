//! What one publish request may cost is bounded by what it makes, not only by its own size.

use serde_json::{Value, json};

use crate::support::{TestServer, config, with_history, within_a_minute};

/// Events of `bytes` for a thousand channels each: a short request, but a thousand messages for
/// each event.
fn batch(events: usize, bytes: usize) -> Value {
    let channels: Vec<String> = (0..1000).map(|at| format!("c{at}")).collect();
    let event = json!({"channels": channels, "data": "x".repeat(bytes)});
    json!({"events": vec![event; events]})
}

#[tokio::test]
async fn a_request_that_makes_more_than_64_mib_of_messages_is_refused_as_a_whole() {
    let server = TestServer::start_default().await;
    let mut client = server.connect().await;
    client.subscribe("c7").await;
    // The second event is over the limit, and the first is not published either.
    let answer = server.post("/api/events/batch", &batch(2, 40_000)).await;
    let detail = answer.expect_problem(413, "message_too_large");
    assert_eq!(
        detail,
        "events[1]: the request's messages to all channels are larger than 67108864 bytes together; split it"
    );
    client.expect_silence().await;
    let answer = server.post("/api/events/batch", &batch(1, 40_000)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(client.next_json().await["channel"], "c7");
}

#[tokio::test]
async fn one_event_can_make_too_much_as_well() {
    let server = TestServer::start(config(|config| config.max_message_size = 512 * 1024)).await;
    let event = &batch(1, 100_000)["events"][0];
    for id in [json!(null), json!("key")] {
        let mut event = event.clone();
        event["id"] = id;
        let answer = server.post("/api/events", &event).await;
        let detail = answer.expect_problem(413, "message_too_large");
        assert!(detail.contains("67108864 bytes"), "{detail}");
    }
}

#[tokio::test]
async fn others_get_a_turn_while_a_large_request_is_published() {
    const REQUESTS: usize = 6;
    // With a history, so that the events for nobody are encoded too.
    let server = TestServer::start(with_history(1)).await;
    let mut client = server.connect().await;
    client.subscribe("c999").await;
    // As much as one request may make, on the only thread of this test.
    let large = batch(1, 60_000);
    let publishing = async {
        for _ in 0..REQUESTS {
            let answer = server.post("/api/events/batch", &large).await;
            assert_eq!(answer.status, 200);
        }
    };
    let mut pings = 0;
    let mut events = 0;
    within_a_minute("the pongs", async {
        let mut publishing = std::pin::pin!(publishing);
        let mut done = false;
        while !done || events < REQUESTS {
            client.send_text(r#"{"type":"ping"}"#).await;
            loop {
                let text = tokio::select! {
                    () = &mut publishing, if !done => {
                        done = true;
                        continue;
                    }
                    text = client.next_text() => text,
                };
                if text == r#"{"type":"pong"}"# {
                    break;
                }
                events += 1;
            }
            pings += usize::from(!done);
        }
    })
    .await;
    // One or two for each request, if the client had to wait for the end of it.
    println!("{pings} pings");
    assert!(pings > 2 * REQUESTS + 2, "{pings} pings");
}
