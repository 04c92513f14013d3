//! An application with its own login, and with rooms and channels over TLS:
//! `cargo run --example embed`, then
//!
//! ```text
//! curl -k https://127.0.0.1:4000/login -H 'Content-Type: application/json' \
//!      -d '{"name":"ada","password":"lovelace"}'          # prints the session
//! curl -kN 'https://127.0.0.1:4000/events?channel=inbox:ada' -H 'Authorization: Bearer SESSION'
//! curl -k https://127.0.0.1:4000/orders -X POST -H 'Authorization: Bearer SESSION'
//! ```
//!
//! and open a WebSocket to `wss://127.0.0.1:4000/live`.

use std::collections::HashMap;
use std::error::Error;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::extract::{Extension, FromRef, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::serve::Listener;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio_rustls::server::TlsStream;
use uuid::Uuid;
use wavecast::policy::{Decision, ErrorCode, Join, Policy, Subscribe, Terms};
use wavecast::{
    ClientRef, Identity, Observer, UserId, WebSocketConfig, WebSocketServer, sse_handler,
    ws_handler,
};

// --- Authentication: the application's own accounts and sessions ---------------------------

struct Account {
    name: &'static str,
    password: &'static str,
    is_staff: bool,
}

const ACCOUNTS: [Account; 2] = [
    Account {
        name: "ada",
        password: "lovelace",
        is_staff: true,
    },
    Account {
        name: "bob",
        password: "builder",
        is_staff: false,
    },
];

/// The account of each session token.
#[derive(Clone, Default)]
struct Sessions(Arc<Mutex<HashMap<String, &'static Account>>>);

impl Sessions {
    fn open(&self, account: &'static Account) -> String {
        let token = Uuid::new_v4().simple().to_string();
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.insert(token.clone(), account);
        token
    }

    fn find(&self, token: &str) -> Option<&'static Account> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(token).copied()
    }
}

async fn log_in(State(app): State<App>, Json(form): Json<Value>) -> Response {
    let account = ACCOUNTS
        .iter()
        .find(|account| form["name"] == account.name && form["password"] == account.password);
    let Some(account) = account else {
        return StatusCode::UNAUTHORIZED.into_response();
    };
    let session = app.sessions.open(account);
    let cookie = format!("session={session}; HttpOnly; Secure; SameSite=Strict; Path=/");
    ([(header::SET_COOKIE, cookie)], session).into_response()
}

/// `Authorization: Bearer …`, or the cookie that browsers send with a WebSocket too.
fn session_token(headers: &HeaderMap) -> Option<&str> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
    bearer.or_else(|| {
        let mut cookies = text(header::COOKIE)?.split("; ");
        cookies.find_map(|cookie| cookie.strip_prefix("session="))
    })
}

/// Middleware: puts an identity into the extensions of each request with a session. The identity
/// carries the account, where the policy finds it. An invalid token is refused; without a token
/// the client is anonymous.
async fn identify(State(app): State<App>, mut request: Request, next: Next) -> Response {
    if let Some(token) = session_token(request.headers()) {
        let Some(account) = app.sessions.find(token) else {
            return StatusCode::UNAUTHORIZED.into_response();
        };
        let Ok(user) = UserId::new(account.name) else {
            return StatusCode::UNAUTHORIZED.into_response();
        };
        let identity = Identity::new(user).with_value(account);
        request.extensions_mut().insert(identity);
    }
    next.run(request).await
}

// --- Authorization and presence: the application's policy and observer ---------------------

struct Rules;

impl Policy for Rules {
    /// `inbox:<user>` is private.
    fn subscribe<'a>(&'a self, asked: Subscribe<'a>) -> Decision<'a, Terms> {
        match asked.channel.as_str().strip_prefix("inbox:") {
            Some(owner) if asked.client.user() != Some(owner) => {
                Decision::refuse(ErrorCode::Forbidden)
            }
            _ => Decision::allow(),
        }
    }

    /// The room `staff` is for staff.
    fn join<'a>(&'a self, asked: Join<'a>) -> Decision<'a, Terms> {
        let account = asked.client.value::<&'static Account>();
        if asked.room.as_str() == "staff" && !account.is_some_and(|account| account.is_staff) {
            return Decision::refuse(ErrorCode::Forbidden);
        }
        Decision::allow()
    }
}

#[derive(Clone, Default)]
struct OnlineCount(Arc<AtomicUsize>);

impl Observer for OnlineCount {
    fn connected(&self, _: ClientRef<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn disconnected(&self, _: ClientRef<'_>) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

// --- The application ------------------------------------------------------------------------

/// The state of the application's handlers; the server is one part of it.
#[derive(Clone, FromRef)]
struct App {
    live: Arc<WebSocketServer>,
    sessions: Sessions,
    online: OnlineCount,
}

/// Accepts an order and notifies every connection that is subscribed to the user's inbox.
async fn order(
    State(app): State<App>,
    identity: Option<Extension<Identity>>,
) -> Result<Json<Value>, StatusCode> {
    let Extension(identity) = identity.ok_or(StatusCode::UNAUTHORIZED)?;
    let user = identity.user().ok_or(StatusCode::UNAUTHORIZED)?;
    let order = json!({ "order": 17, "state": "accepted" });
    let channel = format!("inbox:{user}");
    match app.live.publish(&channel, &order).await {
        Ok(published) => Ok(Json(json!({ "told": published.subscribers }))),
        Err(_) => Err(StatusCode::SERVICE_UNAVAILABLE),
    }
}

async fn online(State(app): State<App>) -> String {
    app.online.0.load(Ordering::Relaxed).to_string()
}

/// Serves the application over TLS until `shutdown`, then drains it.
pub async fn run(
    listener: TcpListener,
    tls: ServerConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let online_now = OnlineCount::default();
    let live = WebSocketServer::builder(WebSocketConfig::default())
        .policy(Rules)
        .observer(online_now.clone())
        .build()?;
    let app = App {
        live: Arc::new(live),
        sessions: Sessions::default(),
        online: online_now,
    };
    let live = app.live.clone();
    let router = Router::new()
        .route("/live", get(ws_handler))
        .route("/events", get(sse_handler))
        .route("/orders", post(order))
        .route("/online", get(online))
        .layer(from_fn_with_state(app.clone(), identify))
        .route("/login", post(log_in))
        .with_state(app);
    axum::serve(TlsListener::new(listener, tls), router)
        .with_graceful_shutdown(async move {
            shutdown.await;
            live.drain().await;
        })
        .await?;
    Ok(())
}

// --- TLS --------------------------------------------------------------------------------------

/// Maximum number of concurrent handshakes; further connections wait in the kernel.
const MAX_HANDSHAKES: usize = 256;
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

struct TlsListener {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
    /// Each on its own task, so that a slow peer does not delay the others.
    handshakes: JoinSet<Option<(TlsStream<TcpStream>, SocketAddr)>>,
}

impl TlsListener {
    fn new(tcp: TcpListener, config: ServerConfig) -> Self {
        Self {
            tcp,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            handshakes: JoinSet::new(),
        }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            tokio::select! {
                Some(handshake) = self.handshakes.join_next() => {
                    if let Ok(Some(connection)) = handshake {
                        return connection;
                    }
                }
                accepted = self.tcp.accept(), if self.handshakes.len() < MAX_HANDSHAKES => {
                    let Ok((socket, peer)) = accepted else {
                        // Most likely, the process is out of file descriptors.
                        sleep(Duration::from_millis(100)).await;
                        continue;
                    };
                    // Events are small, and each should be sent at once.
                    let _ = socket.set_nodelay(true);
                    let handshake = self.acceptor.accept(socket);
                    self.handshakes.spawn(async move {
                        let stream = timeout(HANDSHAKE_TIMEOUT, handshake).await.ok()?.ok()?;
                        Some((stream, peer))
                    });
                }
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.tcp.local_addr()
    }
}

/// A new self-signed certificate for `localhost`, for trying the example.
pub fn self_signed() -> Result<(ServerConfig, CertificateDer<'static>), Box<dyn Error>> {
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = signed.cert.der().clone();
    let key = PrivatePkcs8KeyDer::from(signed.signing_key.serialize_der());
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key.into())?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok((config, certificate))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let (tls, _) = self_signed().map_err(|error| error.to_string())?;
    let listener = TcpListener::bind("127.0.0.1:4000").await?;
    println!("https://127.0.0.1:4000   wss://127.0.0.1:4000/live   Ctrl-C to stop");
    run(listener, tls, async {
        // If the signal cannot be awaited, the application stops at once.
        let _ = tokio::signal::ctrl_c().await;
    })
    .await
}
