//! The binary with TLS: its settings, what it prints, and what it refuses.

use crate::support::{
    Binary, ConfigFile, Folder, TestCertificate, ask_tls, connect_tls, dial, dial_tls, exchange,
    run, shake_hands_for, unix_time,
};

const STATS: &str = "GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn the_server_says_its_urls_and_counts_handshakes() {
    let folder = Folder::new();
    let own = TestCertificate::of(&["localhost"]);
    let [cert, key] = own.write(&folder, "own");
    let edge = Binary::start(&["--tls-cert", &cert, "--tls-key", &key]).await;
    let address = edge.address;
    for text in [
        format!("listens on https://{address}\n"),
        format!("page     https://{address}/\n"),
        format!("clients  wss://{address}/ws\n"),
        format!("curl -sS https://{address}/api/events "),
    ] {
        assert!(edge.greeting.contains(&text), "{text}: {}", edge.greeting);
    }
    let mut client = connect_tls(address, &own.client()).await;
    exchange(address, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    let mut stream = dial_tls(address, &own.client()).await;
    let stats = ask_tls(&mut stream, STATS).await.json();
    let tls = &stats["tls"];
    assert_eq!(tls["handshakes"], 2, "{stats}");
    assert_eq!(tls["handshake_failures"], 1, "{stats}");
    assert_eq!(tls["reload_failures"], 0, "{stats}");
    // rcgen's certificates are valid until the year 4096.
    assert_eq!(tls["expires"], "4096-01-01T00:00:00Z", "{stats}");
    let days = (67_090_118_400 - unix_time()) / 86_400;
    let days_left = tls["days_left"].as_u64().expect("a number");
    assert!(days_left.abs_diff(days) <= 1, "{days_left} of {days}");
    client.expect_silence().await;
}

#[tokio::test]
async fn the_internal_listener_speaks_no_tls() {
    let folder = Folder::new();
    let own = TestCertificate::of(&["localhost"]);
    let [cert, key] = own.write(&folder, "own");
    let arguments = [
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
        "--internal-listen",
        "127.0.0.1:0",
    ];
    let edge = Binary::start(&arguments).await;
    let internal = edge
        .greeting
        .split_once("API      http://")
        .expect("an API")
        .1;
    let internal = internal
        .split('/')
        .next()
        .unwrap()
        .parse()
        .expect("an address");
    let health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let plain = exchange(internal, health).await;
    assert_eq!(plain.status, 200);
    assert_eq!(plain.header("strict-transport-security"), None);
    let stats = b"GET /api/stats HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let stats = exchange(internal, stats).await.json();
    assert_eq!(stats["tls"]["handshakes"], 0, "{stats}");
    connect_tls(edge.address, &own.client()).await;
}

#[tokio::test]
async fn certificates_for_further_names_are_in_the_file() {
    let folder = Folder::new();
    let own = TestCertificate::of(&["localhost"]);
    let other = TestCertificate::of(&["app.example"]);
    own.write(&folder, "own");
    other.write(&folder, "other");
    let config = folder.file("wavecast.toml");
    let text = "[server]\nlisten = \"127.0.0.1:0\"\n\
                [tls]\ncert = \"own-cert.pem\"\nkey = \"own-key.pem\"\nmin_version = \"1.3\"\n\
                handshake_threads = 2\n\
                [[tls.certificates]]\ncert = \"other-cert.pem\"\nkey = \"other-key.pem\"\n";
    std::fs::write(&config, text).expect("write");
    let checked = run(&["config", "check", "--strict", "--config", &config]).await;
    assert_eq!(checked.status.code(), Some(0), "{checked:?}");
    let edge = Binary::start_as_given(&["--config", &config, "--log", "off"], &[]).await;
    let stream = dial(edge.address).await;
    shake_hands_for("app.example", stream, &other.client())
        .await
        .expect("another certificate");
    connect_tls(edge.address, &own.client()).await;
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_said_clearly() {
    let folder = Folder::new();
    let [own, other] = [(); 2].map(|()| TestCertificate::of(&["localhost"]));
    let [cert, key] = own.write(&folder, "own");
    let [_, other_key] = other.write(&folder, "other");
    let missing = folder.file("missing.pem");
    let empty = folder.file("empty.pem");
    std::fs::write(&empty, "").expect("write");
    let damaged = folder.file("damaged.pem");
    std::fs::write(&damaged, own.cert.replace("-----END CERTIFICATE-----", "")).expect("write");
    let encrypted = folder.file("encrypted.pem");
    let text = own.key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    std::fs::write(&encrypted, text).expect("write");
    let broken = folder.file("broken.pem");
    let text = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    std::fs::write(&broken, text).expect("write");
    for (cert, key, place, message) in [
        (&missing, &key, "--tls-cert", "cannot read"),
        (&cert, &missing, "--tls-key", "cannot read"),
        (&empty, &key, "--tls-cert", "there is no certificate in it"),
        (&cert, &empty, "--tls-key", "there is no private key in it"),
        (
            &key,
            &cert,
            "--tls-cert",
            "are certificate and key swapped?",
        ),
        (
            &cert,
            &cert,
            "--tls-key",
            "are certificate and key swapped?",
        ),
        (
            &cert,
            &other_key,
            "--tls-key",
            "the private key does not belong to the certificate",
        ),
        (
            &damaged,
            &key,
            "--tls-cert",
            "invalid certificate: a section has no end",
        ),
        (
            &cert,
            &encrypted,
            "--tls-key",
            "the private key is encrypted",
        ),
        (&cert, &broken, "--tls-key", "invalid private key"),
    ] {
        let refused = run(&[
            "--tls-cert",
            cert,
            "--tls-key",
            key,
            "--listen",
            "127.0.0.1:0",
        ])
        .await;
        let error = String::from_utf8(refused.stderr).expect("UTF-8");
        assert_eq!(refused.status.code(), Some(2), "{error}");
        assert!(
            error.contains(message) && error.contains(place),
            "{message}: {error}"
        );
        let secret = own.key.lines().nth(1).expect("a line");
        assert!(!error.contains(secret), "{error}");
    }
}

#[tokio::test]
async fn settings_that_lack_another_are_refused() {
    let folder = Folder::new();
    let own = TestCertificate::of(&["localhost"]);
    let [cert, key] = own.write(&folder, "own");
    for (arguments, message) in [
        (["--tls-cert", &cert], "needs `tls.key` too"),
        (["--tls-key", &key], "needs `tls.cert` too"),
        (["--set", "tls.min_version=1.3"], "needs a certificate"),
        (["--set", "tls.min_version=1.1"], "is not one of 1.3, 1.2"),
        (["--set", "tls.handshake_threads=0"], "1"),
    ] {
        let refused = run(&arguments).await;
        let error = String::from_utf8(refused.stderr).expect("UTF-8");
        assert_eq!(refused.status.code(), Some(2), "{error}");
        assert!(error.contains(message), "{message}: {error}");
    }
    for (text, message) in [
        (
            "[[tls.certificates]]\ncert = \"a.pem\"\n",
            "an entry needs `cert` and `key`",
        ),
        (
            "[[tls.certificates]]\ncert = 1\nkey = \"\"\n",
            "is not the path of a file",
        ),
        ("[[tls.certificates]]\ncerts = \"a\"\n", "did you mean"),
        (
            "[tls]\ncertificates = 1\n",
            "write each entry as [[tls.certificates]]",
        ),
        (
            "[[tls.certificates]]\ncert = \"a.pem\"\nkey = \"b.pem\"\n",
            "cannot read",
        ),
    ] {
        let file = ConfigFile::new(text);
        let refused = run(&["--config", file.path()]).await;
        let error = String::from_utf8(refused.stderr).expect("UTF-8");
        assert_eq!(refused.status.code(), Some(2), "{error}");
        assert!(error.contains(message), "{message}: {error}");
    }
}
