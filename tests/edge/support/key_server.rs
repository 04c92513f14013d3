//! An issuer's server, which answers every request alike.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

/// A server for key sets; stopped when dropped.
pub struct KeyServer {
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    /// The response to every request. While there is none, requests wait.
    answer: watch::Sender<Option<String>>,
    _tasks: JoinSet<()>,
}

impl KeyServer {
    /// A server that answers no request until it is told how.
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// The same behind TLS, if there is an acceptor.
    pub async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("listen");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(AtomicUsize::new(0));
        let answer = watch::Sender::new(None);
        let mut tasks = JoinSet::new();
        tasks.spawn(serve(listener, tls, requests.clone(), answer.clone()));
        Self {
            address,
            requests,
            answer,
            _tasks: tasks,
        }
    }

    /// The URL of the key set.
    pub fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    /// Answers with a set of these keys from now on.
    pub fn publish(&self, keys: &[String]) {
        let set = format!("{{\"keys\":[{}]}}", keys.join(","));
        self.answer("200 OK", "", &set);
    }

    /// Answers with this status, these lines of the head, and this body from now on.
    pub fn answer(&self, status: &str, head: &str, body: &str) {
        let length = body.len();
        let answer = format!("HTTP/1.1 {status}\r\n{head}content-length: {length}\r\n\r\n{body}");
        self.answer.send_replace(Some(answer));
    }

    /// The number of requests so far.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

async fn serve(
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    requests: Arc<AtomicUsize>,
    answer: watch::Sender<Option<String>>,
) {
    let mut connections = JoinSet::new();
    loop {
        let (socket, _) = listener.accept().await.expect("a connection");
        let (tls, requests, answer) = (tls.clone(), requests.clone(), answer.subscribe());
        connections.spawn(async move {
            match tls {
                // A client that does not trust the certificate ends the handshake.
                Some(tls) => {
                    if let Ok(stream) = tls.accept(socket).await {
                        respond(stream, &requests, answer).await;
                    }
                }
                None => respond(socket, &requests, answer).await,
            }
        });
    }
}

async fn respond(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    requests: &AtomicUsize,
    mut answer: watch::Receiver<Option<String>>,
) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    requests.fetch_add(1, Ordering::SeqCst);
    let answer = answer.wait_for(Option::is_some).await;
    let answer = answer
        .ok()
        .and_then(|answer| answer.clone())
        .unwrap_or_default();
    // The client may not want all of it.
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}
