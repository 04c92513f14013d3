//! `wavecast serve`: listens, serves, and drains on a signal.

use std::io::ErrorKind;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::api_options::{ApiOptions, Listening};
use super::greeting::Greeting;
use super::signals::Signals;
use super::{authority, configuration, descriptors, journal, listeners, print, tls};
use crate::config::{EdgeConfig, Flags};
use crate::http::serve_all;
use crate::hub::Observers;
use crate::node::RestoreError;
use crate::server::WebSocketServer;
use crate::telemetry;

/// How long the greeting may take to be printed before the server goes on without it.
const PRINT_TIMEOUT: Duration = Duration::from_secs(1);
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
    if let Some(exposure) = config.exposure() {
        return Err(exposure);
    }
    let _logs = telemetry::init(&config.log)?;
    descriptors::raise_limit();
    if config.server.connections.max == 0 {
        config.server.connections.max = descriptors::max_connections();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let code = runtime.block_on(run_server(config));
    // Does not wait for a write that hangs: the drain has waited for it long enough.
    runtime.shutdown_background();
    code
}

async fn run_server(mut config: EdgeConfig) -> Result<ExitCode, String> {
    config.server.start_page = config.has_start_page();
    let origins = config.allowed_origins();
    config.server.origins = Some(origins.map_err(|error| error.to_string())?);
    // Until the server has drained.
    let (key_tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    let _fetching = stop.clone().drop_guard();
    let has_tokens = config.tokens.is_some();
    let policy = authority::policy(&mut config, &key_tasks, &stop)?;
    let tls = tls::start(std::mem::take(&mut config.tls), &key_tasks, &stop)?;
    let api = ApiOptions {
        dev: config.server.trust_user_parameter,
        keys: config.api_keys,
        has_tokens,
        cors_origins: config.cors_origins,
    };
    let server = WebSocketServer::assemble(config.server, Observers::default(), policy)
        .map_err(|error| error.to_string())?;
    // Before listening, so that no signal is missed once the port is open.
    let mut signals =
        Signals::new().map_err(|error| format!("cannot install signal handlers: {error}"))?;
    let tls = tls.map(|(acceptor, reload)| {
        signals.reload_with(reload);
        acceptor
    });
    let public = listeners::open(config.listen, "--listen")?;
    let internal = match config.internal {
        Some(listen) => Some((listen, listeners::open(listen, "--internal-listen")?)),
        None => None,
    };
    // Before the first connection is accepted, and not before the ports are known to be free.
    let history_file = (!config.history_file.is_empty()).then_some(config.history_file);
    if let Some(file) = &history_file {
        restore(&server, file).await?;
    }
    if !config.revocations_file.is_empty() {
        keep_revocations(&server, &config.revocations_file).await?;
    }
    let greeting = Greeting {
        addresses: listeners::addresses(&public, config.listen)?,
        internal: match &internal {
            Some((listen, sockets)) => listeners::addresses(sockets, *listen)?,
            None => Vec::new(),
        },
        dev: api.dev,
        schemes: if tls.is_some() {
            ["https", "wss"]
        } else {
            ["http", "ws"]
        },
        has_page: server.config().start_page,
        has_keys: !api.keys.is_empty(),
    };
    // Does not wait long for an output that nobody reads.
    let printed = spawn_blocking(move || greeting.print());
    let _ = timeout(PRINT_TIMEOUT, printed).await;
    let server = Arc::new(server);
    let internal = internal.map(|(_, sockets)| sockets);
    let listening = api.listening(&server, (public, tls), internal);
    Ok(until_drained(&server, history_file, listening, signals).await)
}

/// Restores the histories that the previous process saved, if any.
///
/// Errors: there is no such folder, so every shutdown would lose all histories.
async fn restore(server: &WebSocketServer, file: &str) -> Result<(), String> {
    match server.restore_histories(file).await {
        Ok(Some(restored)) => tracing::info!(
            file,
            topics = restored.topics,
            publications = restored.publications,
            forgotten = restored.forgotten,
            "histories restored"
        ),
        Ok(None) => tracing::info!(file, "no history file; all histories begin anew"),
        Err(RestoreError::Folder(error))
            if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
        {
            return Err(format!(
                "cannot save histories to {file}: its folder does not exist"
            ));
        }
        Err(error) => tracing::error!(file, %error, "all histories begin anew"),
    }
    Ok(())
}

/// Goes on with the revocations of the file.
///
/// Errors: it cannot be used. Then tokens that were revoked would be valid again.
async fn keep_revocations(server: &WebSocketServer, file: &str) -> Result<(), String> {
    let kept = server.keep_revocations(file).await;
    let revocations =
        kept.map_err(|error| format!("cannot keep revocations in {file}: {error}"))?;
    tracing::info!(file, revocations, "revocations restored");
    Ok(())
}

/// Drains, and saves the histories for the next process.
async fn drain(server: &WebSocketServer, history_file: Option<&str>) -> usize {
    let Some(file) = history_file else {
        return server.drain().await;
    };
    let (left, saved) = server.drain_and_save(file).await;
    match saved {
        Ok(saved) => tracing::info!(
            file,
            topics = saved.topics,
            publications = saved.publications,
            "histories saved"
        ),
        Err(error) => tracing::error!(file, %error, "histories not saved"),
    }
    left
}

/// Serves until a signal, then drains. A second signal ends the process at once.
async fn until_drained(
    server: &WebSocketServer,
    history_file: Option<String>,
    listening: Vec<Listening>,
    mut signals: Signals,
) -> ExitCode {
    let stop = CancellationToken::new();
    let requests = TaskTracker::new();
    let options = server.serve_options();
    // Each with bounds of its own: clients cannot take those of the API.
    for Listening {
        sockets,
        tls,
        routes,
    } in listening
    {
        let sockets = (sockets, tls.as_ref());
        serve_all(sockets, &routes, options.clone(), &requests, &stop);
    }
    log_start(server);
    let first = tokio::select! {
        first = signals.next() => first,
        never = journal::keep(server) => match never {},
        () = server.failed() => return ended_by_failure(),
    };
    tracing::info!(
        signal = first,
        "draining; a second signal ends the process at once"
    );
    let deadline = Instant::now() + server.config().drain.timeout;
    let drain = async {
        let left = drain(server, history_file.as_deref()).await;
        stop.cancel();
        requests.close();
        // Requests that are still in progress then are cut off.
        let _ = timeout_at(deadline, requests.wait()).await;
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
            tracing::warn!(signal = second, "exiting before the drain is complete");
            ExitCode::from(INTERRUPTED)
        }
        () = server.failed() => ended_by_failure(),
    }
}

/// Logs the limits that apply.
fn log_start(server: &WebSocketServer) {
    let connections = &server.config().connections;
    tracing::info!(
        version = env!("CARGO_PKG_VERSION"),
        workers = Handle::current().metrics().num_workers(),
        max_connections = connections.max,
        max_http = connections.max_http,
        "started",
    );
    if server.config().trust_user_parameter {
        tracing::warn!("--dev: anybody who can connect can do everything, and claim to be anybody");
    }
}

fn ended_by_failure() -> ExitCode {
    tracing::error!("a shard panicked; exiting, so that a supervisor can restart the server");
    ExitCode::from(FAILED)
}
