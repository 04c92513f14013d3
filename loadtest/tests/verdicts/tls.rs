//! `wss://` and `https://`.

use crate::support::{
    BEHAVIOUR, STRICT, failed_checks, figure, run, side_by_side, start, start_as, text,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use loadtest::null_server::{Behaviour, Fault, NullServer};
use socket2::SockRef;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// Buffers so small that the server notices a client that does not read.
const SMALL: Option<u32> = Some(16 * 1024);

/// Accepts TLS for a server, and keeps the certificate in a file.
struct Front {
    addr: SocketAddr,
    ca: PathBuf,
    _end: tokio::sync::oneshot::Sender<()>,
}

impl Front {
    fn start(name: &str, server: &NullServer) -> Self {
        Self::with_buffers(name, server, None)
    }

    /// `buffers` is the size of those between a client and the server; `None` for what the system gives.
    fn with_buffers(name: &str, server: &NullServer, buffers: Option<u32>) -> Self {
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
                    () = accept(&listener, &acceptor, to, buffers) => {}
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

async fn accept(
    listener: &TcpListener,
    acceptor: &TlsAcceptor,
    to: SocketAddr,
    buffers: Option<u32>,
) {
    let mut tasks = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            return;
        };
        let acceptor = acceptor.clone();
        tasks.spawn(async move {
            stream.set_nodelay(true)?;
            let inner = TcpSocket::new_v4()?;
            if let Some(bytes) = buffers {
                SockRef::from(&stream).set_send_buffer_size(bytes as usize)?;
                inner.set_recv_buffer_size(bytes)?;
            }
            let mut outer = acceptor.accept(stream).await?;
            let mut inner = inner.connect(to).await?;
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
    let args = "-d 2s -r 40/s --drops 40/s --reconnect jitter:600ms -s 4KiB";
    let output = run("recovery", &server, args)
        .args(["-u", &format!("wss://{}/ws", front.addr), "--tls-ca"])
        .arg(&front.ca)
        .output()
        .expect("loadtest runs");
    let all = text(&output);
    assert_eq!(output.status.code(), Some(0), "{all}");
    assert!(figure(&all, "recovered") >= 20, "{all}");
    assert!(all.contains("800 of 800 expected"), "{all}");
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
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "--tls-ca", "/no/such/file"])
        .args(["-u", &format!("wss://{}/ws", front.addr)])
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

/// Runs a scenario over TLS, and returns its report.
#[track_caller]
fn over_tls(scenario: &str, args: &str, name: &str, behaviour: Behaviour) -> String {
    let server = start_as(behaviour);
    let front = Front::with_buffers(name, &server, SMALL);
    let output = run(scenario, &server, args)
        .args(["-u", &format!("wss://{}/ws", front.addr), "--tls-ca"])
        .arg(&front.ca)
        .output()
        .expect("loadtest runs");
    text(&output)
}

#[test]
fn sees_over_tls_whether_sockets_that_do_not_read_are_evicted() {
    let args = "-c 8 -C 1 -r 25/s -s 8KiB -d 8s --turn-at 500ms --slow 25% --no-default-asserts \
        --assert loss.silent==0 --assert closes.unexpected==0 --assert slow.survivors==0";
    let cases: [(&str, Fault, &[&str]); 2] = [
        ("evicts", Fault::None, &[]),
        ("keeps", Fault::NeverEvict, &["slow.survivors==0"]),
    ];
    side_by_side(cases.map(|(name, fault, failed)| {
        move || {
            let all = over_tls("slow", args, name, Behaviour { fault, ..BEHAVIOUR });
            assert_eq!(failed_checks(&all), failed, "{all}");
        }
    }));
}

#[test]
fn reads_over_tls_why_a_stalled_socket_was_closed() {
    let args = "-c 100 -r 20/s -d 5s --turn-at 500ms --no-pong 10% --black-hole 10% --half-open 10% \
        --pong-late 10% --ping-interval 400ms --pong-timeout 1600ms";
    let cases: [(&str, Fault, &[&str]); 3] = [
        ("closes", Fault::None, &[]),
        ("never", Fault::NeverCloseDead, &["heartbeat.survivors==0"]),
        ("code", Fault::CloseDeadAs(1000), &["heartbeat.miscoded==0"]),
    ];
    side_by_side(cases.map(|(name, fault, failed)| {
        move || {
            let all = over_tls("heartbeat", args, name, Behaviour { fault, ..STRICT });
            assert_eq!(failed_checks(&all), failed, "{all}");
        }
    }));
}

#[test]
fn sees_protocol_violations_answered_over_tls() {
    let all = over_tls("adversarial", "-c 20 -r 20/s", "attacks", BEHAVIOUR);
    assert_eq!(failed_checks(&all), [""; 0], "{all}");
    assert!(all.contains("wrong 0"), "{all}");
}
