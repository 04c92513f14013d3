//! Certificates that change while the server runs.

use rustix::process::Signal;

use crate::support::{
    Binary, Folder, TestCertificate, ask_tls, connect_tls, dial, dial_tls, eventually, shake_hands,
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

/// The interval in which the files are looked at is 10 seconds, and is not waited for here.
#[tokio::test]
async fn files_that_change_are_noticed_without_a_signal() {
    use std::sync::Arc;
    use std::time::Duration;
    use tokio_util::sync::CancellationToken;
    use tokio_util::task::TaskTracker;
    use wavecast::http::ServeOptions;
    use wavecast::transport::tls::{CertificateFiles, Reloader, TlsOptions};

    use crate::support::{TestServer, config};

    let folder = Folder::new();
    let [old, new] = [(); 2].map(|()| TestCertificate::of(&["localhost"]));
    let [cert, key] = old.write(&folder, "own");
    let tls = old.acceptor(TlsOptions::default());
    let stats = tls.stats().clone();
    let files = vec![CertificateFiles { cert, key }];
    let reloader = Reloader::new(files, Arc::clone(&stats), Duration::from_millis(5));
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tasks.spawn(reloader.run(stop.clone()));
    let edge = TestServer::start_tls(config(|_| {}), ServeOptions::default(), tls);
    let before = stats.expires();
    assert!(before.is_some_and(|at| at > std::time::SystemTime::now()));
    // Between the two, certificate and key do not fit.
    new.write(&folder, "own");
    eventually("the new certificate", async || {
        shake_hands(dial(edge.address).await, &new.client())
            .await
            .is_ok()
    })
    .await;
    stop.cancel();
}
