//! `wavecast serve`: listen, serve, drain on a signal.

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;

use rustix::process::{Resource, getrlimit, setrlimit};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_http::cors::CorsLayer;

use super::signals::Signals;
use super::{configuration, cors, greeting, listeners, print};
use crate::config::{EdgeConfig, Flags};
use crate::http::{ServeOptions, serve};
use crate::server::WebSocketServer;
use crate::telemetry;

/// Exit code after a second signal.
const INTERRUPTED: u8 = 130;

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

fn start(config: EdgeConfig) -> Result<ExitCode, String> {
    telemetry::init(&config.log)?;
    raise_descriptor_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(async {
        let dev = config.server.trust_user_parameter;
        let server = WebSocketServer::try_new(config.server).map_err(|error| error.to_string())?;
        // Before anybody can see the port and send one.
        let signals = Signals::new().map_err(|error| format!("cannot take signals: {error}"))?;
        let listeners = listeners::open(config.listen)?;
        let addresses: io::Result<Vec<SocketAddr>> =
            listeners.iter().map(TcpListener::local_addr).collect();
        let addresses =
            addresses.map_err(|error| format!("cannot listen on {}: {error}", config.listen))?;
        greeting::greet(&addresses, dev);
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
    let mut router = server.router();
    if let Some(cors) = cors {
        router = router.layer(cors);
    }
    let stop = CancellationToken::new();
    let requests = TaskTracker::new();
    for listener in listeners {
        requests.spawn(serve(
            listener,
            router.clone(),
            ServeOptions::default(),
            requests.clone(),
            stop.clone(),
        ));
    }
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

/// Each connection takes a descriptor: use all that the system allows. Where it refuses,
/// the limit stays as it is.
fn raise_descriptor_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}
