//! `wavecast serve`: listens, serves, and drains on a signal.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::cors::CorsLayer;

use super::signals::Signals;
use super::{configuration, cors, descriptors, greeting, listeners, print};
use crate::config::{EdgeConfig, Flags};
use crate::http::{Routes, serve_all};
use crate::server::WebSocketServer;
use crate::telemetry;

/// Exit code after a second signal.
const INTERRUPTED: u8 = 130;
/// Exit code after a failure inside the server: `EX_SOFTWARE` of `sysexits.h`.
const FAILED: u8 = 70;

pub(super) fn run(flags: Flags) -> ExitCode {
    let config = match configuration::read(flags, false) {
        Ok(loaded) => loaded.config,
        Err(code) => return code,
    };
    match start(config) {
        Ok(code) => code,
        Err(problem) => {
            print::err(&format!("error: {problem}\n"));
            ExitCode::FAILURE
        }
    }
}

fn start(mut config: EdgeConfig) -> Result<ExitCode, String> {
    telemetry::init(&config.log)?;
    descriptors::raise_limit();
    if config.server.connections.max == 0 {
        config.server.connections.max = descriptors::max_connections();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(async {
        let dev = config.server.trust_user_parameter;
        let has_page = config.has_start_page();
        config.server.start_page = has_page;
        let server = WebSocketServer::try_new(config.server).map_err(|error| error.to_string())?;
        // Before listening, so that no signal is missed once the port is open.
        let signals = Signals::new().map_err(|error| format!("cannot take signals: {error}"))?;
        let listeners = listeners::open(config.listen)?;
        let addresses: io::Result<Vec<SocketAddr>> =
            listeners.iter().map(TcpListener::local_addr).collect();
        let addresses =
            addresses.map_err(|error| format!("cannot listen on {}: {error}", config.listen))?;
        greeting::greet(&addresses, dev, has_page);
        let cors = cors::layer(&config.cors_origins);
        Ok(until_drained(Arc::new(server), listeners, cors, signals).await)
    })
}

/// Serves until a signal, then drains. A second signal ends at once.
async fn until_drained(
    server: Arc<WebSocketServer>,
    listeners: Vec<TcpListener>,
    cors: Option<CorsLayer>,
    mut signals: Signals,
) -> ExitCode {
    let routes = match cors {
        // Every response needs its headers.
        Some(cors) => server.router().layer(cors).into(),
        None => Routes::with_short_way(server.router(), server.api()),
    };
    let stop = CancellationToken::new();
    let requests = TaskTracker::new();
    let options = server.config().serve();
    serve_all(listeners, &routes, options, &requests, &stop);
    let first = tokio::select! {
        first = signals.next() => first,
        () = server.failed() => return ended_by_failure(),
    };
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
        () = server.failed() => ended_by_failure(),
    }
}

fn ended_by_failure() -> ExitCode {
    tracing::error!("a shard panicked; exiting, so that a supervisor can restart the server");
    ExitCode::from(FAILED)
}
