//! Assembly of the binary: listen, serve, drain on a signal.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use super::ServeArgs;
use crate::http::{ServeOptions, serve};
use crate::server::WebSocketServer;
use crate::telemetry;
use crate::transport;
use axum::http::Method;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderName, HeaderValue};
use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::cors::{AllowOrigin, CorsLayer};

/// Sent by readers of event streams that are no browser's own.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Exit code after a second signal.
const INTERRUPTED: u8 = 130;

pub(crate) fn run(args: &ServeArgs) -> ExitCode {
    match start(args) {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn start(args: &ServeArgs) -> Result<ExitCode, String> {
    telemetry::init(&args.log).map_err(|error| format!("invalid log filter: {error}"))?;
    let cors = cors(&args.cors_origin)?;
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(async {
        let server = WebSocketServer::try_new(args.config()?).map_err(|error| error.to_string())?;
        let listener = transport::listen(args.listen)
            .map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
        let address = listener
            .local_addr()
            .map_err(|error| format!("cannot listen on {}: {error}", args.listen))?;
        let signals = Signals::new().map_err(|error| format!("cannot take signals: {error}"))?;
        greet(address, args.dev);
        Ok(until_drained(Arc::new(server), listener, cors, signals).await)
    })
}

/// Serves until a signal, then drains. A second signal ends at once.
async fn until_drained(
    server: Arc<WebSocketServer>,
    listener: TcpListener,
    cors: Option<CorsLayer>,
    mut signals: Signals,
) -> ExitCode {
    let mut router = server.router();
    if let Some(cors) = cors {
        router = router.layer(cors);
    }
    let stop = CancellationToken::new();
    let requests = TaskTracker::new();
    requests.spawn(serve(
        listener,
        router,
        ServeOptions::default(),
        requests.clone(),
        stop.clone(),
    ));
    let first = signals.next().await;
    tracing::info!(signal = first, "draining; a second signal ends at once");
    let drain = async {
        let left = server.drain().await;
        stop.cancel();
        requests.close();
        requests.wait().await;
        left
    };
    tokio::select! {
        left = drain => {
            if left > 0 {
                tracing::warn!(connections = left, "the drain timeout passed first");
            }
            tracing::info!("stopped");
            ExitCode::SUCCESS
        }
        second = signals.next() => {
            tracing::warn!(signal = second, "ended without draining");
            ExitCode::from(INTERRUPTED)
        }
    }
}

struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.terminate.recv() => "SIGTERM",
        }
    }
}

fn greet(address: SocketAddr, dev: bool) {
    println!(
        "wavecast {} listens on http://{address}

  page     http://{address}/
  clients  ws://{address}/ws
  publish  curl -sS http://{address}/api/events -H 'Content-Type: application/json' \\
             -d '{{\"channel\":\"notifications\",\"data\":{{\"message\":\"Hello!\"}}}}'
",
        env!("CARGO_PKG_VERSION")
    );
    if dev {
        eprintln!(
            "WARNING: --dev believes ?user=<id> on /ws and /sse: anybody who can connect can be anybody. \
             Never use it where others can reach this port."
        );
    }
    if !address.ip().is_loopback() {
        eprintln!(
            "WARNING: the HTTP API on {address} has no authentication: whoever reaches the port \
             can publish and close connections. Let only trusted networks reach it."
        );
    }
}

fn cors(origins: &[String]) -> Result<Option<CorsLayer>, String> {
    if origins.is_empty() {
        return Ok(None);
    }
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        let parsed: Result<Vec<HeaderValue>, String> = origins
            .iter()
            .map(|origin| match origin.parse() {
                Ok(value) if origin.contains("://") && !origin.ends_with('/') => Ok(value),
                _ => Err(format!(
                    "invalid --cors-origin {origin:?}: write it as https://app.example"
                )),
            })
            .collect();
        AllowOrigin::list(parsed?)
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST, Method::DELETE])
        .allow_headers([CONTENT_TYPE, LAST_EVENT_ID]);
    Ok(Some(layer))
}

/// Each connection takes a descriptor: use all that the system allows. Where it refuses,
/// the limit stays as it is.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
