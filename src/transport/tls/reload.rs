//! Replaces certificates when their files change.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::files::{CertificateFiles, Stamp};
use super::stats::TlsStats;
use crate::wire::tls::Certificate;

/// Looks whether the files of the certificates have changed, at an interval and when it is asked to.
///
/// New handshakes then get the new certificates; connections are not touched. If any of them cannot
/// be used, all of the old ones stay, and that is logged and counted.
#[derive(Debug)]
pub struct Reloader {
    files: Arc<[CertificateFiles]>,
    stats: Arc<TlsStats>,
    interval: Duration,
    asked: Arc<Notify>,
    stamps: Vec<Stamp>,
}

impl Reloader {
    /// Watches the files that the certificates in use were read from. This blocks for a moment.
    pub fn new(files: Vec<CertificateFiles>, stats: Arc<TlsStats>, interval: Duration) -> Self {
        let stamps = stamps(&files);
        Self {
            files: files.into(),
            stats,
            interval,
            asked: Arc::default(),
            stamps,
        }
    }

    /// Notify it to have the files read now, even if they seem unchanged.
    pub fn asked(&self) -> Arc<Notify> {
        self.asked.clone()
    }

    /// Runs until `stop` is cancelled.
    pub async fn run(mut self, stop: CancellationToken) {
        loop {
            let is_asked = tokio::select! {
                () = self.asked.notified() => true,
                () = sleep(self.interval) => false,
                () = stop.cancelled() => return,
            };
            self.look(is_asked).await;
        }
    }

    async fn look(&mut self, is_asked: bool) {
        let (files, before) = (self.files.clone(), self.stamps.clone());
        let looking = spawn_blocking(move || {
            let now = stamps(&files);
            let is_due = is_asked || now != before;
            (now, is_due.then(|| read(&files)))
        });
        // An error means that the runtime is shutting down.
        let Ok((now, read)) = looking.await else {
            return;
        };
        // A pair that cannot be used is read again once it changes, not each time.
        self.stamps = now;
        match read {
            None => {}
            Some(Ok(certificates)) => {
                self.stats.certificates().replace(certificates);
                let days_left = self.stats.days_left();
                tracing::info!(days_left, "certificates read; new connections get them");
            }
            Some(Err(message)) => {
                self.stats.count_reload_failure();
                tracing::error!(reason = message, "certificates not read; the old ones stay");
            }
        }
    }
}

fn stamps(files: &[CertificateFiles]) -> Vec<Stamp> {
    files.iter().map(CertificateFiles::stamp).collect()
}

fn read(files: &[CertificateFiles]) -> Result<Vec<Certificate>, String> {
    let read = files.iter().map(CertificateFiles::read);
    read.collect::<Result<_, _>>()
        .map_err(|problem| problem.message)
}
