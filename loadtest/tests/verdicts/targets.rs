//! Target files. The null server speaks the protocol of Wavecast, so files that describe this protocol must lead to the same
//! verdicts.

use crate::support::{BEHAVIOUR, failed_checks, finds_in, side_by_side, start, start_as, text};
use loadtest::null_server::{Behaviour, Fault};
use std::path::PathBuf;
use std::process::{Command, Output};

/// Channels, and publications over HTTP.
const CHANNELS: &str = r#"
[target]
name = "null"
subscribe = '{"type":"subscribe","channel":"{{channel}}"}'
subscribed = '"type":"subscribed"'
error = '"type":"error"'
payload = "/data"
channel = "/channel"

[target.publish]
via = "http"
path = "/api/events"
message = '{"channel":"{{channel}}","data":{{payload}}}'
subscribers = "/subscribers"
"#;

/// Rooms, and publications over a socket, which are not acknowledged.
const ROOMS: &str = r#"
[target]
name = "null rooms"
subscribe = '{"type":"join","room":"{{channel}}"}'
subscribed = '"type":"joined"'
payload = "/content"

[target.publish]
via = "socket"
message = '{"type":"message","room":"{{channel}}","content":{{payload}}}'
"#;

/// A file that is removed at the end.
struct TargetFile(PathBuf);

impl TargetFile {
    fn new(name: &str, text: &str) -> Self {
        let own = format!("loadtest-{}-{name}.toml", std::process::id());
        let path = std::env::temp_dir().join(own);
        std::fs::write(&path, text).expect("the file is written");
        Self(path)
    }

    fn flags(&self) -> String {
        format!("--target {}", self.0.display())
    }
}

impl Drop for TargetFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn reaches_the_same_verdicts_through_a_target_file() {
    let file = TargetFile::new("channels", CHANNELS);
    let cases: [(Fault, &[&str]); 8] = [
        (Fault::None, &[]),
        (Fault::DropEvery(1000), &["loss.silent==0"]),
        (Fault::DuplicateOne, &["dups==0"]),
        (Fault::SwapTwo, &["reorders==0"]),
        (Fault::ForeignChannel, &["foreign==0"]),
        (Fault::MalformedOne, &["malformed==0"]),
        (Fault::ErrorOne, &["errors==0"]),
        (Fault::MiscountSubscribers(1), &["subscribers.mismatch==0"]),
    ];
    side_by_side(cases.map(|(fault, failed)| {
        let flags = file.flags();
        move || {
            let args = format!("{flags} --workers 2");
            let text = finds_in("smoke", &args, fault, failed);
            assert!(text.contains("of 1,000 expected"), "{text}");
            assert!(text.contains("  off   gaps.excess==0"), "{text}");
        }
    }));
}

#[test]
fn confirms_each_of_several_subscriptions() {
    let file = TargetFile::new("several", CHANNELS);
    let args = format!("{} --subs-per-conn 2 --publishers 2", file.flags());
    let text = finds_in("smoke", &args, Fault::None, &[]);
    assert!(text.contains("2,000 of 2,000 expected"), "{text}");
}

#[test]
fn publishes_over_a_socket() {
    let file = TargetFile::new("rooms", ROOMS);
    let cases: [(Fault, &[&str]); 2] = [
        (Fault::None, &[]),
        (Fault::DropEvery(100), &["loss.silent==0"]),
    ];
    side_by_side(cases.map(|(fault, failed)| {
        let flags = file.flags();
        move || {
            let text = finds_in("smoke", &flags, fault, failed);
            assert!(text.contains("of 1,000 expected"), "{text}");
            let lost = if failed.is_empty() { 0 } else { 10 };
            assert!(text.contains(&format!("silent loss {lost} ")), "{text}");
            assert!(text.contains("  off   publish.ack "), "{text}");
            assert!(text.contains("  off   subscribers.mismatch==0"), "{text}");
        }
    }));
}

#[test]
fn answers_a_refused_subscription_and_a_refused_publication() {
    let strict = CHANNELS.replace("error =", "hello = ['hello']\nerror =");
    let file = TargetFile::new("refused", &strict);
    let output = run("smoke", &file.flags());
    let all = text(&output);
    assert!(
        all.contains("50 subscribe: refused: {\"type\":\"error\""),
        "{all}"
    );
    let strict = CHANNELS.replace("subscribers =", "rejected = '\"id\"'\nsubscribers =");
    let file = TargetFile::new("rejected", &strict);
    let all = text(&run("smoke", &file.flags()));
    assert!(all.contains("100 refused in the reply"), "{all}");
    // What was refused is owed to nobody, but it arrived.
    let failed = ["publish.errors==0", "books.difference==0"];
    assert_eq!(failed_checks(&all), failed, "{all}");
}

#[test]
fn says_what_a_target_cannot_do() {
    let file = TargetFile::new("limits", CHANNELS);
    for (scenario, args, why) in [
        (
            "rooms",
            file.flags(),
            "rooms needs the protocol of Wavecast",
        ),
        ("smoke", format!("{} --churn 5/s", file.flags()), "--churn"),
        ("storm", "--target nchan".to_owned(), "does not confirm"),
        ("smoke", "--target ws -C 2".to_owned(), "has one channel"),
        ("smoke", "--target nosuch".to_owned(), "centrifugo"),
        ("smoke", "--header nonsense".to_owned(), "not a header"),
    ] {
        let output = run(scenario, &args);
        let all = text(&output);
        assert_eq!(output.status.code(), Some(2), "{args}: {all}");
        assert!(all.contains(why), "{args}: {all}");
    }
}

fn run(scenario: &str, args: &str) -> Output {
    let server = start_as(Behaviour { ..BEHAVIOUR });
    crate::support::run(scenario, &server, args)
        .output()
        .expect("loadtest runs")
}

#[test]
fn sends_headers_and_token() {
    let server = start(Fault::None);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/ws", listener.local_addr().expect("an address"));
    let seen = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let limit = Some(std::time::Duration::from_secs(10));
        stream.set_read_timeout(limit).expect("a limit");
        let mut head = vec![0; 2048];
        let length = std::io::Read::read(&mut stream, &mut head).expect("a request");
        String::from_utf8_lossy(&head[..length]).into_owned()
    });
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["-u", &url, "--api", &format!("http://{}", server.addr())])
        .args(["-c", "1", "-C", "1", "-d", "1s", "--connect-timeout", "1s"])
        .args(["--header", "Origin: https://example.com", "--token", "abc"])
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(99), "{}", text(&output));
    let head = seen.join().expect("a request");
    assert!(
        head.contains("\r\nOrigin: https://example.com\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nAuthorization: Bearer abc\r\n"), "{head}");
}
