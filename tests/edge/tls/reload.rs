//! Certificates that change while the server runs.

use std::time::Duration;

use rustix::process::Signal;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wavecast::http::ServeOptions;
use wavecast::transport::tls::{CertificateFiles, Reloader, TlsOptions};

use crate::support::{
    Binary, Folder, TestCertificate, TestServer, ask_tls, config, connect_tls, dial, dial_tls,
    eventually, shake_hands, shake_hands_for,
};

const STATS: &str = "GET /api/stats HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test]
async fn a_bad_certificate_changes_nothing_and_a_good_one_is_for_new_connections() {
    let folder = Folder::new();
    let [old, new] = [(); 2].map(|()| TestCertificate::of(&["localhost"]));
    let [cert, key] = old.write(&folder, "own");
    let arguments = [
        "--listen",
        "127.0.0.1:0",
        "--tls-cert",
        &cert,
        "--tls-key",
        &key,
    ];
    let mut edge = Binary::start_as_given(&arguments, &[]).await;
    let mut client = connect_tls(edge.address, &old.client()).await;
    client.subscribe("news").await;

    for garbage in ["garbage", &new.cert] {
        std::fs::write(&cert, garbage).expect("write");
        edge.signal(Signal::HUP);
        edge.log_line("certificates not read").await;
        // Still the old one.
        dial_tls(edge.address, &old.client()).await;
    }
    std::fs::remove_file(&cert).expect("remove");
    edge.signal(Signal::HUP);
    edge.log_line("certificates not read").await;

    new.write(&folder, "own");
    edge.signal(Signal::HUP);
    edge.log_line("certificates read").await;
    let refused = shake_hands(dial(edge.address).await, &old.client()).await;
    assert!(refused.is_err(), "a new certificate");
    let mut stream = dial_tls(edge.address, &new.client()).await;
    let stats = ask_tls(&mut stream, STATS).await.json();
    assert_eq!(stats["tls"]["reload_failures"], 3, "{stats}");
    client.expect_silence().await;
    client.close().await;
}

#[tokio::test]
async fn a_bad_pair_does_not_hold_up_the_others_and_the_log_says_which() {
    let folder = Folder::new();
    let first = [(); 2].map(|()| TestCertificate::of(&["localhost"]));
    let second = [(); 2].map(|()| TestCertificate::of(&["app.example"]));
    let [cert, key] = first[0].write(&folder, "first");
    let [other_cert, _] = second[0].write(&folder, "second");
    let config = folder.file("wavecast.toml");
    let text = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n[tls]\ncert = {cert:?}\nkey = {key:?}\n\
         [[tls.certificates]]\ncert = \"second-cert.pem\"\nkey = \"second-key.pem\"\n"
    );
    std::fs::write(&config, text).expect("write");
    let mut edge = Binary::start_as_given(&["--config", &config], &[]).await;
    let good = async |name: &str, own: &TestCertificate| {
        let stream = dial(edge.address).await;
        shake_hands_for(name, stream, &own.client()).await.is_ok()
    };
    assert!(good("localhost", &first[0]).await && good("app.example", &second[0]).await);
    // The bad one is the first, then the second.
    std::fs::write(&cert, "garbage").expect("write");
    second[1].write(&folder, "second");
    edge.signal(Signal::HUP);
    eventually("the second", async || good("app.example", &second[1]).await).await;
    assert!(good("localhost", &first[0]).await, "the old one stays");
    first[1].write(&folder, "first");
    std::fs::remove_file(&other_cert).expect("remove");
    edge.signal(Signal::HUP);
    eventually("the first", async || good("localhost", &first[1]).await).await;
    assert!(good("app.example", &second[1]).await, "the old one stays");
    let stats = ask_tls(&mut dial_tls(edge.address, &first[1].client()).await, STATS).await;
    assert!(stats.json()["tls"]["reload_failures"].as_u64() >= Some(2));
    for path in [&cert, &other_cert] {
        let line = edge.log_line("certificates not read").await;
        assert!(line.contains(path.as_str()), "{path}: {line}");
    }
}

/// A server whose files are looked at all the time.
struct Watching {
    edge: TestServer,
    stats: std::sync::Arc<wavecast::transport::tls::TlsStats>,
    stop: CancellationToken,
}

impl Watching {
    fn start(first: &TestCertificate, cert: String, key: String) -> Self {
        let tls = first.acceptor(TlsOptions::default());
        let stats = tls.stats().clone();
        let files = vec![CertificateFiles { cert, key }];
        let reloader = Reloader::new(files, stats.clone(), Duration::from_millis(5));
        let stop = CancellationToken::new();
        TaskTracker::new().spawn(reloader.run(stop.clone()));
        let edge = TestServer::start_tls(config(|_| {}), ServeOptions::default(), tls);
        Self { edge, stats, stop }
    }

    async fn expect(&self, own: &TestCertificate) {
        eventually("the new certificate", async || {
            let stream = dial(self.edge.address).await;
            shake_hands(stream, &own.client()).await.is_ok()
        })
        .await;
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

#[tokio::test]
async fn another_file_with_the_same_time_and_size_is_noticed() {
    let folder = Folder::new();
    let old = TestCertificate::of(&["localhost"]);
    let mut new = TestCertificate::of(&["localhost"]);
    // The length of a signature varies.
    for _ in 0..1000 {
        if new.cert.len() == old.cert.len() && new.key.len() == old.key.len() {
            break;
        }
        new = TestCertificate::of(&["localhost"]);
    }
    assert_eq!(new.cert.len(), old.cert.len());
    // As certbot and Kubernetes have it: links to the files of a version.
    let versions = [&old, &new].map(|own| {
        let folder = Folder::new();
        for path in own.write(&folder, "tls") {
            let file = std::fs::File::options().write(true).open(path);
            let time = std::time::SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
            file.expect("open").set_modified(time).expect("set");
        }
        folder
    });
    let link = folder.file("current");
    std::os::unix::fs::symlink(versions[0].file(""), &link).expect("link");
    let [cert, key] = ["cert", "key"].map(|kind| format!("{link}/tls-{kind}.pem"));
    let watching = Watching::start(&old, cert, key);
    watching.expect(&old).await;
    let next = folder.file("next");
    std::os::unix::fs::symlink(versions[1].file(""), &next).expect("link");
    std::fs::rename(&next, &link).expect("swap");
    watching.expect(&new).await;
}

#[tokio::test]
async fn a_reason_that_stays_is_counted_once() {
    let folder = Folder::new();
    let [old, new] = [(); 2].map(|()| TestCertificate::of(&["localhost"]));
    let [cert, key] = old.write(&folder, "own");
    let replace = |path: &str, text: &str| {
        let next = folder.file("next");
        std::fs::write(&next, text).expect("write");
        std::fs::rename(next, path).expect("move");
    };
    let watching = Watching::start(&old, cert.clone(), key.clone());
    let failures = async |count: u64| {
        let stats = &watching.stats;
        eventually("a failure", async || stats.reload_failures() == count).await;
        // The interval passes many times, and the reason is the same.
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(stats.reload_failures(), count);
    };
    replace(&cert, "garbage");
    failures(1).await;
    replace(&cert, "other garbage");
    failures(1).await;
    replace(&cert, &new.cert);
    failures(2).await;
    replace(&key, &new.key);
    watching.expect(&new).await;
    replace(&cert, "garbage");
    failures(3).await;
}

/// The interval in which the files are looked at is 10 seconds, and is not waited for here.
#[tokio::test]
async fn files_that_change_are_noticed_without_a_signal() {
    let folder = Folder::new();
    let [old, new] = [(); 2].map(|()| TestCertificate::of(&["localhost"]));
    let [cert, key] = old.write(&folder, "own");
    let watching = Watching::start(&old, cert, key);
    let before = watching.stats.expires();
    assert!(before.is_some_and(|at| at > std::time::SystemTime::now()));
    // Between the two, certificate and key do not fit.
    new.write(&folder, "own");
    watching.expect(&new).await;
}
