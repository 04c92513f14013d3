//! Versions, names, tickets, and peers that speak no TLS.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ALL_VERSIONS, HandshakeKind, ProtocolVersion};
use wavecast::http::ServeOptions;
use wavecast::transport::tls::TlsOptions;
use wavecast::wire::tls::TlsVersion;

use crate::support::{
    TestCertificate, TestServer, acceptor, client_config, config, connect_tls, dial, dial_tls,
    eventually, exchange, shake_hands, shake_hands_for, upgrade_tls, within,
};

#[tokio::test]
async fn both_versions_are_spoken_and_http_1_1_is_chosen() {
    let (edge, own) = super::start(config(|_| {}));
    for (version, name) in [
        (&TLS12, ProtocolVersion::TLSv1_2),
        (&TLS13, ProtocolVersion::TLSv1_3),
    ] {
        let mut offers = client_config(&[&own], &[version]);
        offers.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let stream = dial_tls(edge.address, &offers.into()).await;
        let (_, session) = stream.get_ref();
        assert_eq!(session.protocol_version(), Some(name));
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
        let mut client = upgrade_tls(stream).await;
        client.subscribe("news").await;
        client.close().await;
    }
    let mut offers = client_config(&[&own], ALL_VERSIONS);
    offers.alpn_protocols = vec![b"h2".to_vec()];
    let refused = shake_hands(dial(edge.address).await, &offers.into()).await;
    assert!(refused.is_err(), "HTTP/2 alone is not spoken");
}

#[tokio::test]
async fn a_client_with_too_old_a_version_is_refused() {
    let own = TestCertificate::of(&["localhost"]);
    let tls = own.acceptor(TlsOptions {
        min_version: TlsVersion::V1_3,
        ..TlsOptions::default()
    });
    let stats = tls.stats().clone();
    let edge = TestServer::start_tls(config(|_| {}), ServeOptions::default(), tls);
    let old = shake_hands(dial(edge.address).await, &own.client_with(&[&TLS12])).await;
    let error = old.expect_err("TLS 1.2").to_string();
    assert!(error.contains("ProtocolVersion"), "an alert: {error}");
    connect_tls(edge.address, &own.client_with(&[&TLS13])).await;
    assert_eq!((stats.handshakes(), stats.handshake_failures()), (1, 1));
}

#[tokio::test]
async fn the_certificate_is_chosen_by_the_name_that_the_client_asks_for() {
    let first = TestCertificate::of(&["localhost"]);
    let second = TestCertificate::of(&["app.example", "*.wild.example"]);
    let third = TestCertificate::of(&["wild.example"]);
    let tls = acceptor(&[&first, &second, &third], TlsOptions::default());
    let edge = TestServer::start_tls(config(|_| {}), ServeOptions::default(), tls);
    let trusting = client_config(&[&first, &second, &third], ALL_VERSIONS).into();
    for (name, expected) in [
        ("localhost", &first),
        ("app.example", &second),
        ("APP.Example", &second),
        ("a.wild.example", &second),
        ("wild.example", &third),
    ] {
        let stream = shake_hands_for(name, dial(edge.address).await, &trusting).await;
        let stream = stream.unwrap_or_else(|error| panic!("{name}: {error}"));
        let chain = stream.get_ref().1.peer_certificates().expect("a chain");
        assert!(chain[0] == expected.der(), "{name}");
    }
    // Without a name, or with an unknown one, it is the first.
    for name in ["127.0.0.1", "other.example", "a.b.wild.example"] {
        let refused = shake_hands_for(name, dial(edge.address).await, &trusting).await;
        let error = refused.expect_err(name).to_string();
        assert!(error.contains("localhost"), "{name}: {error}");
    }
}

#[tokio::test]
async fn a_session_is_resumed_with_one_ticket_that_the_client_keeps() {
    let (edge, own) = super::start(config(|_| {}));
    for version in [&TLS12, &TLS13] {
        let client = own.client_with(&[version]);
        for kind in [HandshakeKind::Full, HandshakeKind::Resumed] {
            let mut client = connect_tls(edge.address, &client).await;
            let (_, session) = client.stream().get_ref();
            assert_eq!(session.handshake_kind(), Some(kind), "{version:?}");
            let tickets = u32::from(version.version == ProtocolVersion::TLSv1_3);
            assert_eq!(session.tls13_tickets_received(), tickets);
            client.close().await;
        }
    }
}

#[tokio::test]
async fn plain_http_gets_an_answer_that_a_person_understands() {
    let (edge, own) = super::start(config(|_| {}));
    let plain = exchange(edge.address, b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert_eq!(plain.status, 400);
    assert_eq!(
        plain.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    assert_eq!(plain.header("strict-transport-security"), None);
    assert!(plain.body.contains("https://"), "{}", plain.body);
    connect_tls(edge.address, &own.client()).await;
}

#[tokio::test]
async fn what_is_neither_tls_nor_http_is_closed() {
    let own = TestCertificate::of(&["localhost"]);
    let tls = own.acceptor(TlsOptions::default());
    let stats = tls.stats().clone();
    let edge = TestServer::start_tls(config(|_| {}), ServeOptions::default(), tls);
    for bytes in [
        &b"\0\0\0\0\0\0"[..],
        b"\x16\x03\x01\x00\x05hello",
        &[0xff; 100],
    ] {
        let mut stream = dial(edge.address).await;
        stream.write_all(bytes).await.expect("send");
        let mut answer = Vec::new();
        let read = within("the end", stream.read_to_end(&mut answer)).await;
        read.expect("an orderly end");
        // At most an alert.
        assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    }
    assert_eq!(stats.handshake_failures(), 3);
    // A load balancer that only looks whether the port is open.
    let mut silent = dial(edge.address).await;
    silent.shutdown().await.expect("end");
    let read = within("the end", silent.read_to_end(&mut Vec::new())).await;
    read.expect("an orderly end");
    assert_eq!(stats.handshake_failures(), 3);
    // A client that does not trust the certificate.
    let other = TestCertificate::of(&["localhost"]);
    let refused = shake_hands(dial(edge.address).await, &other.client()).await;
    assert!(refused.is_err());
    eventually("another failure", async || stats.handshake_failures() == 4).await;
    assert_eq!(edge.server.node().connection_count(), 0);
}

#[tokio::test]
async fn a_probe_that_ends_with_a_reset_is_no_failure() {
    let own = TestCertificate::of(&["localhost"]);
    let tls = own.acceptor(TlsOptions::default());
    let stats = tls.stats().clone();
    let edge = TestServer::start_tls(config(|_| {}), ServeOptions::default(), tls);
    for _ in 0..20 {
        let probe = dial(edge.address).await;
        probe.set_zero_linger().expect("reset it when it is closed");
        drop(probe);
        connect_tls(edge.address, &own.client()).await;
    }
    assert_eq!((stats.handshakes(), stats.handshake_failures()), (20, 0));
}
