//! `wss://` and `https://`.

use crate::support::{BEHAVIOUR, figure, run, start, start_as, text};
use base64::{Engine, engine::general_purpose::STANDARD};
use loadtest::null_server::{Behaviour, Fault, NullServer};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Accepts TLS for a server, and keeps the certificate in a file.
struct Front {
    addr: SocketAddr,
    ca: PathBuf,
    _end: tokio::sync::oneshot::Sender<()>,
}

impl Front {
    fn start(name: &str, server: &NullServer) -> Self {
        let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()])
            .expect("a certificate");
        let file = format!("loadtest-{}-{name}.pem", std::process::id());
        let ca = std::env::temp_dir().join(file);
        std::fs::write(&ca, pem(own.cert.der())).expect("the file is written");
        let key = PrivateKeyDer::try_from(own.signing_key.serialize_der()).expect("a key");
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.der().clone()], key)
            .expect("they belong together");
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("it can be");
        let (addr, to) = (listener.local_addr().expect("an address"), server.addr());
        let (end, ended) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    _ = ended => {}
                    () = accept(&listener, &acceptor, to) => {}
                }
            });
        });
        Self {
            addr,
            ca,
            _end: end,
        }
    }
}

fn pem(der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n")
}

impl Drop for Front {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.ca);
    }
}

async fn accept(listener: &TcpListener, acceptor: &TlsAcceptor, to: SocketAddr) {
    let mut tasks = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let acceptor = acceptor.clone();
        tasks.spawn(async move {
            stream.set_nodelay(true)?;
            let mut outer = acceptor.accept(stream).await?;
            let mut inner = TcpStream::connect(to).await?;
            inner.set_nodelay(true)?;
            tokio::io::copy_bidirectional(&mut outer, &mut inner).await
        });
    }
}

#[test]
fn keeps_exact_books_over_tls() {
    for (fault, lost) in [(Fault::None, 0), (Fault::DropEvery(100), 10)] {
        let server = start(fault);
        let front = Front::start(&format!("books-{lost}"), &server);
        let output = run("smoke", &server, "--workers 2")
            .args(["-u", &format!("wss://{}/ws", front.addr), "--tls-ca"])
            .arg(&front.ca)
            .output()
            .expect("loadtest runs");
        let all = text(&output);
        let code = if lost == 0 { 0 } else { 99 };
        assert_eq!(output.status.code(), Some(code), "{all}");
        assert!(
            all.contains(&format!("{} of 1,000 expected", grouped(1000 - lost))),
            "{all}"
        );
        assert!(all.contains(&format!("silent loss {lost} ")), "{all}");
        assert!(
            server.pongs() >= 50,
            "pings must be answered: {}",
            server.pongs()
        );
    }
}

fn grouped(count: u64) -> String {
    if count == 1000 {
        "1,000".to_owned()
    } else {
        count.to_string()
    }
}

#[test]
fn sees_positions_recovered_over_tls() {
    let server = start_as(Behaviour {
        history: 1000,
        outbox: 1000,
        ..BEHAVIOUR
    });
    let front = Front::start("recovery", &server);
    let args = "-d 2s --drops 40/s --reconnect jitter:600ms -s 8KiB";
    let output = run("recovery", &server, args)
        .args(["-u", &format!("wss://{}/ws", front.addr), "--tls-ca"])
        .arg(&front.ca)
        .output()
        .expect("loadtest runs");
    let all = text(&output);
    assert_eq!(output.status.code(), Some(0), "{all}");
    assert!(figure(&all, "recovered") >= 20, "{all}");
    assert!(all.contains("2,000 of 2,000 expected"), "{all}");
}

#[test]
fn refuses_a_certificate_that_it_does_not_trust() {
    let server = start(Fault::None);
    let (front, other) = (Front::start("own", &server), Front::start("other", &server));
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args([
            "-u",
            &format!("wss://{}/ws", front.addr),
            "-c",
            "2",
            "-d",
            "1s",
            "--tls-ca",
        ])
        .arg(&other.ca)
        .args(["--api", &format!("http://{}", server.addr())])
        .output()
        .expect("loadtest runs");
    let all = text(&output);
    assert_eq!(output.status.code(), Some(99), "{all}");
    assert!(all.contains("2 tls: invalid peer certificate"), "{all}");
    for args in [
        vec!["--tls-ca", "/no/such/file"],
        vec!["slow", "--tls-ca", front.ca.to_str().expect("a path")],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .arg("run")
            .args(args)
            .args(["-u", &format!("wss://{}/ws", front.addr)])
            .output()
            .expect("loadtest runs");
        assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    }
}
