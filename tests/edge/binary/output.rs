//! The binary works with closed outputs, and not every signal ends it.

use rustix::process::Signal;

use crate::support::{Binary, Client, run_unread};

#[tokio::test]
async fn no_command_panics_on_a_closed_output() {
    for (arguments, code) in [
        (&["--help"][..], 0),
        (&["--version"], 0),
        (&["config", "init"], 0),
        (&["config", "check"], 0),
        (&["config", "check", "/nonexistent"], 2),
        (&["--bogus"], 2),
        (&["dance"], 2),
    ] {
        assert_eq!(run_unread(arguments).await, Some(code), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_server_with_closed_outputs_serves_and_drains() {
    let mut edge = Binary::start_unread().await;
    assert_eq!(edge.http("GET", "/healthz", None).await.status, 200);
    // Both are logged.
    edge.signal(Signal::HUP);
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
}

#[tokio::test]
async fn a_hangup_is_logged_and_does_not_end_the_server() {
    let mut edge = Binary::start_as_given(&["--listen", "0", "--log", "info"], &[]).await;
    let mut client = edge.connect().await;
    edge.signal(Signal::HUP);
    edge.signal(Signal::HUP);
    client.expect_silence().await;
    assert_eq!(edge.http("GET", "/readyz", None).await.status, 200);
    client.close().await;
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    let log = edge.stderr();
    assert!(log.contains("SIGHUP ignored"), "{log}");
}

#[tokio::test]
async fn the_log_tells_of_the_start_of_connections_and_of_operators() {
    let arguments = ["--listen", "0", "--dev", "--log", "wavecast=debug"];
    let mut edge = Binary::start_as_given(&arguments, &[]).await;
    let mut client = Client::connect(edge.address, "/ws?user=ada").await;
    let list = edge.http("GET", "/api/connections", None).await.json();
    let id = list["connections"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    let path = format!("/api/connections/{id}?reason=be%0Aforged");
    assert_eq!(edge.http("DELETE", &path, None).await.status, 204);
    client.expect_close(4000).await;
    drop(client);
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    let log = edge.stderr();
    for line in [
        "INFO wavecast::cli::serve: started ".to_owned(),
        format!("connected client={id} remote=Some(127.0.0.1:"),
        format!("closed by an operator client={id} reason=Some(\"be\\nforged\")"),
        format!("closing client={id} code=4000"),
        format!("disconnected client={id}"),
        "stopped".to_owned(),
    ] {
        assert!(log.contains(&line), "{line} is missing: {log}");
    }
    assert!(!log.contains("\nforged"), "{log}");
}

/// Standard error is a pipe that fills up: a server that waited for it would not even shut down.
#[tokio::test]
async fn a_server_whose_log_nobody_reads_serves_and_drains() {
    let mut edge = Binary::start_as_given(&["--listen", "0", "--log", "info"], &[]).await;
    // Each is a line. A pipe holds some 600 of them.
    for _ in 0..2000 {
        edge.signal(Signal::HUP);
        assert_eq!(edge.http("GET", "/readyz", None).await.status, 200);
    }
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
}
