//! `examples/embed.rs`, run unchanged, over TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::support::{Client, read_head, upgrade_request, within};

#[allow(dead_code, reason = "its `main` is for people")]
#[path = "../../../examples/embed.rs"]
mod embed;

struct Example {
    address: SocketAddr,
    connector: TlsConnector,
    stop: oneshot::Sender<()>,
    tasks: JoinSet<()>,
}

impl Example {
    async fn start() -> Self {
        let (tls, certificate) = embed::self_signed().expect("a certificate");
        let mut roots = RootCertStore::empty();
        roots.add(certificate).expect("a certificate");
        let config = ClientConfig::builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let stopped = async { drop(stopped.await) };
            embed::run(listener, tls, stopped).await.expect("it runs");
        });
        Self {
            address,
            connector: TlsConnector::from(Arc::new(config)),
            stop,
            tasks,
        }
    }

    async fn dial(&self) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address).await.expect("connect");
        let name = "localhost".try_into().expect("a name");
        let handshake = self.connector.connect(name, stream);
        within("a TLS handshake", handshake).await.expect("TLS")
    }

    /// Sends a request and returns the status and the body of the response.
    async fn ask(&self, method: &str, path: &str, headers: &str, body: &str) -> (u16, String) {
        let mut stream = self.dial().await;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{headers}\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.expect("send");
        let head = within("an answer", read_head(&mut stream)).await;
        let mut body = String::new();
        let read = within("a body", stream.read_to_string(&mut body)).await;
        read.expect("an orderly end");
        (head[9..12].parse().expect("a status"), body)
    }

    async fn log_in(&self, name: &str, password: &str) -> String {
        let form = format!(r#"{{"name":"{name}","password":"{password}"}}"#);
        let json = "Content-Type: application/json\r\n";
        let (status, session) = self.ask("POST", "/login", json, &form).await;
        assert_eq!(status, 200, "{session}");
        session
    }

    /// Opens a WebSocket with this header line in its handshake.
    async fn connect(&self, header: &str) -> Client<TlsStream<TcpStream>> {
        let mut client = Client::over(self.dial().await);
        let host = format!("Host: localhost\r\n{header}");
        let request = upgrade_request("/live").replacen("Host: localhost\r\n", &host, 1);
        client.send(request.as_bytes()).await;
        client.expect_upgrade().await;
        client.expect_silence().await;
        client
    }
}

fn bearer(session: &str) -> String {
    format!("Authorization: Bearer {session}\r\n")
}

#[tokio::test]
async fn the_example_has_a_login_and_private_channels() {
    let app = Example::start().await;
    let session = app.log_in("ada", "lovelace").await;
    let form = r#"{"name":"ada","password":"guess"}"#;
    let json = "Content-Type: application/json\r\n";
    assert_eq!(app.ask("POST", "/login", json, form).await.0, 401);
    assert_eq!(app.ask("GET", "/online", &bearer("x"), "").await.0, 401);

    // With a cookie, as browsers do, and with a header.
    let cookie = format!("Cookie: theme=dark; session={session}\r\n");
    let mut ada = app.connect(&cookie).await;
    let mut bob = app
        .connect(&bearer(&app.log_in("bob", "builder").await))
        .await;
    let mut anybody = app.connect("").await;
    ada.subscribe("inbox:ada").await;
    let forbidden =
        r#"{"type":"error","code":"forbidden","message":"Forbidden","channel":"inbox:ada"}"#;
    for stranger in [&mut bob, &mut anybody] {
        stranger
            .ask(r#"{"type":"subscribe","channel":"inbox:ada"}"#, forbidden)
            .await;
    }
    let (status, problem) = app.ask("GET", "/events?channel=inbox:ada", "", "").await;
    assert_eq!(status, 403, "{problem}");

    // A handler sends an event to the user who ordered.
    let (status, told) = app.ask("POST", "/orders", &bearer(&session), "").await;
    assert_eq!((status, told.as_str()), (200, r#"{"told":1}"#));
    let event = ada.next_json().await;
    assert_eq!(event["channel"], "inbox:ada");
    assert_eq!(event["data"]["state"], "accepted");
    assert_eq!(app.ask("POST", "/orders", "", "").await.0, 401);
    bob.expect_silence().await;
    anybody.expect_silence().await;
    assert_eq!(app.ask("GET", "/online", "", "").await.1, "3");
}

#[tokio::test]
async fn the_policy_of_the_example_refuses_a_room() {
    let app = Example::start().await;
    let mut ada = app
        .connect(&bearer(&app.log_in("ada", "lovelace").await))
        .await;
    let mut bob = app
        .connect(&bearer(&app.log_in("bob", "builder").await))
        .await;
    ada.join("staff", 1).await;
    bob.ask(
        r#"{"type":"join","room":"staff"}"#,
        r#"{"type":"error","code":"forbidden","message":"Forbidden","room":"staff"}"#,
    )
    .await;
    bob.join("lobby", 1).await;
    ada.expect_silence().await;
}

#[tokio::test]
async fn the_example_shuts_down_gracefully() {
    let app = Example::start().await;
    let session = bearer(&app.log_in("ada", "lovelace").await);
    let mut ada = app.connect(&session).await;
    ada.subscribe("inbox:ada").await;
    let mut stream = app.dial().await;
    let request = "GET /events?channel=news HTTP/1.1\r\nHost: localhost\r\n\r\n";
    stream.write_all(request.as_bytes()).await.expect("send");
    let head = within("the head of a stream", read_head(&mut stream)).await;
    assert!(head.starts_with("HTTP/1.1 200 "), "{head}");

    app.stop.send(()).expect("it runs");
    assert_eq!(ada.next_json().await["event"], "shutdown");
    assert_eq!(ada.expect_close(1001).await, "shutdown");
    ada.send_close(1001).await;
    ada.expect_end().await;
    drop(ada);
    let mut text = Vec::new();
    let read = within("the end of the stream", stream.read_to_end(&mut text)).await;
    read.expect("an orderly end");
    let text = String::from_utf8(text).expect("UTF-8");
    assert!(
        text.contains("event: close\ndata: {\"code\":1001"),
        "{text}"
    );
    let mut tasks = app.tasks;
    let ended = within("the end of the example", tasks.join_next()).await;
    ended.expect("one task").expect("no panic");
}
