//! Signals that the process handles.

use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::Notify;

/// Sent when a file would become larger than the process may write: the write fails, which is handled.
const FILE_TOO_LARGE: SignalKind = SignalKind::from_raw(25);

/// Signal handlers: SIGINT and SIGTERM end the server; SIGHUP has certificates read again.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
    /// Kept, so that it does not end the process.
    file_too_large: Signal,
    /// Notified of each SIGHUP, if there is anything that can be read again.
    reload: Option<Arc<Notify>>,
}

impl Signals {
    /// Installs the handlers, even for signals that the process was started to ignore.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
            file_too_large: signal(FILE_TOO_LARGE)?,
            reload: None,
        })
    }

    /// Notifies `reload` of each SIGHUP from now on.
    pub(super) fn reload_with(&mut self, reload: Arc<Notify>) {
        self.reload = Some(reload);
    }

    /// Waits for a signal that ends the server, and returns its name.
    pub(super) async fn next(&mut self) -> &'static str {
        loop {
            tokio::select! {
                _ = self.interrupt.recv() => return "SIGINT",
                _ = self.terminate.recv() => return "SIGTERM",
                _ = self.file_too_large.recv() => {}
                _ = self.hangup.recv() => {
                    if let Some(reload) = &self.reload {
                        tracing::info!("SIGHUP: certificates are read again, and nothing else");
                        reload.notify_one();
                    } else {
                        tracing::info!("SIGHUP ignored; restart to apply a changed configuration");
                    }
                }
            }
        }
    }
}
