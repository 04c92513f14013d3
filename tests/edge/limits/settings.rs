//! `[limits]` and `[network]` in the configuration.

use super::handshake;
use crate::binary::support::{expect_ok, expect_problem, expect_problems, text};
use crate::support::{Binary, Client, ConfigFile, frame, run};

#[tokio::test]
async fn every_name_of_the_section_is_a_setting() {
    let file = ConfigFile::new(
        "[limits]\nconnections_per_address = 0\nconnections_per_user = 0\n\
         handshakes_per_address = \"5/s\"\nhandshakes_per_address_burst = 7\n\
         failed_auth_per_address = \"20/m\"\nwaiting_for_auth = 10\n\
         commands = \"1000/s\"\ncommands_burst = 2000\nbytes = \"1MiB/s\"\nbytes_burst = \"4MiB\"\n\
         control_frames = \"20/s\"\ncontrol_frames_burst = 100\ntopics_per_client = 50\n\
         topics = 1000\npresence_updates = \"10/s\"\n\
         [network]\ntrusted_proxies = [\"10.0.0.0/8\", \"::1\"]\nproxy_protocol = true\n",
    );
    expect_ok(&["--config", file.path()], &[]).await;
    let file = ConfigFile::new(
        "[limits]\nhandshakes_per_address = 0\nfailed_auth_per_address = \"0\"\ncommands = 0\n\
         bytes = 0\ncontrol_frames = 0\npresence_updates = 0\nwaiting_for_auth = 0\n",
    );
    expect_ok(
        &["--config", file.path()],
        &[("WAVECAST_LIMITS_COMMANDS", "5/s")],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_rate_and_no_network_is_refused_with_a_hint() {
    let file = ConfigFile::new(
        "[limits]\ncommands = 100\nbytes = \"much\"\nfailed_auth_per_address = \"20/d\"\n\
         command = \"1/s\"\ncommands_burst = 0\n[network]\ntrusted_proxies = [\"10.0.0.0/33\"]\n",
    );
    let path = file.path();
    let rate = "write 100/s, 20/m or 5/h, or 0 for no limit";
    expect_problems(
        &run(&["--config", path]).await,
        &[
            &format!("{path}:2: `limits.commands`: 100 is not a rate; {rate}"),
            &format!(
                "{path}:3: `limits.bytes`: \"much\" is not a rate; write 256KiB/s or 1MiB/m, or 0 for no limit"
            ),
            &format!("{path}:4: `limits.failed_auth_per_address`: \"20/d\" is not a rate; {rate}"),
            &format!("{path}:5: unknown key `limits.command`; did you mean `commands`?"),
            &format!("{path}:6: `limits.commands_burst`: 0 must be at least 1"),
            &format!(
                "{path}:8: `network.trusted_proxies`: \"10.0.0.0/33\" is not a network; write 10.0.0.0/8, 192.0.2.1 or 2001:db8::/32"
            ),
        ],
    );
    expect_problem(
        &["--set", "network.proxy_protocol=true"],
        "--set network.proxy_protocol: needs network.trusted_proxies",
    )
    .await;
}

#[tokio::test]
async fn a_limit_that_makes_no_sense_is_warned_about() {
    let file = ConfigFile::new("[limits]\ncommands_burst = 5\nbytes_burst = \"1KiB\"\n");
    let output = run(&["config", "check", file.path()]).await;
    let error = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    let lines: Vec<&str> = error.lines().collect();
    assert_eq!(lines.len(), 2, "{error}");
    assert!(lines[0].contains("limits.commands_burst") && lines[0].contains("1000 commands"));
    assert!(lines[1].contains("limits.bytes_burst") && lines[1].contains("65536 bytes"));
    for without in [
        "[limits]\ncommands = 0\ncommands_burst = 5\n",
        "[history]\nmessages = 5\n",
    ] {
        let file = ConfigFile::new(without);
        expect_ok(&["--config", file.path()], &[]).await;
    }
}

/// Whether a client that sends many pings is closed.
async fn is_limited(edge: &Binary) -> bool {
    let mut client = Client::dial(edge.address).await;
    let request = handshake("/ws", "X-Nothing: 1").replace(", close", "");
    client.send(request.as_bytes()).await;
    client.expect_upgrade().await;
    for _ in 0..20 {
        client
            .send_unless_closed(&frame(crate::support::PING, b"").repeat(15))
            .await;
        client
            .send_unless_closed(&frame(crate::support::PING, b"end"))
            .await;
        loop {
            let frame = client.next_frame().await;
            if frame.first == crate::support::CLOSE {
                assert_eq!(frame.close().0, 1008);
                return true;
            }
            if frame.payload == b"end" {
                break;
            }
        }
    }
    false
}

#[tokio::test]
async fn the_rates_of_a_connection_hold_once_anything_is_configured() {
    let anonymous = "[anonymous]\nchannels = { \"news\" = [\"subscribe\"] }\n";
    for (configured, expected) in [
        ("", false),
        ("[history]\nmessages = 10\n", false),
        (anonymous, true),
        ("[limits]\nconnections_per_user = 5\n", true),
        ("[limits]\ncontrol_frames = 0\n", false),
    ] {
        let file = ConfigFile::new(configured);
        let edge = Binary::start(&["--config", file.path()]).await;
        assert_eq!(is_limited(&edge).await, expected, "{configured}");
    }
    // Older flags turn nothing on.
    let edge = Binary::start(&["--max-topics-per-client", "10"]).await;
    assert!(!is_limited(&edge).await);
}

/// Whether the 11th question about presence at once is refused.
async fn has_rates(config: &str) -> bool {
    let file = ConfigFile::new(config);
    let edge = Binary::start(&["--config", file.path()]).await;
    let mut client = edge.connect().await;
    let question = r#"{"type":"presence","channel":"a"}"#;
    for _ in 0..11 {
        client.send_text(question).await;
    }
    let mut last = client.next_json().await;
    for _ in 0..10 {
        last = client.next_json().await;
    }
    last["code"] == "rate_limited"
}

#[tokio::test]
async fn the_rates_of_a_connection_hold_as_soon_as_the_section_is_there() {
    assert!(!has_rates("").await);
    assert!(has_rates("[limits]\n").await);
    assert!(has_rates("[anonymous]\n").await);
}

#[tokio::test]
async fn limits_of_topics_can_be_switched_off() {
    let file = ConfigFile::new("[limits]\ntopics = 0\ntopics_per_client = 0\n");
    let edge = Binary::start(&["--config", file.path(), "--set", "limits.commands=0"]).await;
    let mut client = edge.connect().await;
    for topic in 0..1100 {
        let command = format!(r#"{{"type":"subscribe","channel":"c{topic}"}}"#);
        client.send_text(&command).await;
        assert_eq!(client.next_json().await["type"], "subscribed");
    }
}
