//! Private keys are never logged, however much is logged, and whatever is wrong with their files.

use rustix::process::Signal;

use crate::support::{Binary, Folder, TestCertificate, connect_tls, exchange, run};

/// The lines of a key in PEM format, without its first and last.
fn lines(key: &str) -> impl Iterator<Item = &str> {
    key.lines().filter(|line| !line.starts_with("-----"))
}

#[tokio::test]
async fn no_part_of_a_private_key_is_in_the_log_at_any_level() {
    let folder = Folder::new();
    let [first, other] = [(); 2].map(|()| TestCertificate::of(&["localhost"]));
    let [cert, key] = first.write(&folder, "own");
    let log = folder.file("log");
    let arguments = ["--tls-cert", &cert, "--tls-key", &key];
    let mut edge = Binary::start_logging_to(&log, &arguments).await;
    connect_tls(edge.address, &first.client()).await;
    exchange(edge.address, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;

    let failures = async |count: u64| {
        crate::support::eventually("the reload", async || {
            let text = std::fs::read_to_string(&log).unwrap();
            text.matches("certificates not read").count() as u64 == count
        })
        .await;
    };
    let cut_off = &other.key[..other.key.len() / 2];
    for (count, (cert_text, key_text)) in [
        // Swapped, of different pairs, and not complete.
        (&other.key[..], &other.cert[..]),
        (&first.cert, &other.key),
        (&other.cert, cut_off),
        (cut_off, &other.key),
    ]
    .into_iter()
    .enumerate()
    {
        std::fs::write(&cert, cert_text).unwrap();
        std::fs::write(&key, key_text).unwrap();
        let output = run(&["--tls-cert", &cert, "--tls-key", &key]).await;
        assert!(!output.status.success());
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        for line in lines(&other.key) {
            assert!(!said.contains(line), "{said}");
        }
        edge.signal(Signal::HUP);
        failures(count as u64 + 1).await;
    }
    edge.signal(Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    let logged = std::fs::read_to_string(&log).unwrap();
    assert!(logged.contains("TLS handshake failed"), "{logged}");
    for line in lines(&first.key).chain(lines(&other.key)) {
        assert!(!logged.contains(line), "{line} is in the log");
    }
}
