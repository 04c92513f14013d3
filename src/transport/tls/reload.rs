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
/// New handshakes then get the new certificates; connections are not touched. Each pair of files is
/// on its own: one that cannot be used does not hold up the others. Its old certificate stays, and
/// it is tried again at each interval. That is logged and counted when the reason changes, and
/// whenever it is asked to look.
#[derive(Debug)]
pub struct Reloader {
    /// In the order of the certificates.
    pairs: Vec<Pair>,
    stats: Arc<TlsStats>,
    interval: Duration,
    asked: Arc<Notify>,
}

/// The files of one certificate.
#[derive(Debug, Clone)]
struct Pair {
    files: CertificateFiles,
    /// The files as they were when they were last read.
    stamp: Stamp,
    /// Why that gave no certificate, if it gave none.
    problem: Option<String>,
}

impl Pair {
    fn new(files: CertificateFiles) -> Self {
        Self {
            stamp: files.stamp(),
            files,
            problem: None,
        }
    }

    /// Reads the files if that is due. This blocks.
    fn look(&mut self, is_asked: bool) -> Option<Result<Certificate, String>> {
        // Taken before the files are read, so a change in between is noticed the next time.
        let now = self.files.stamp();
        let is_due = is_asked || self.problem.is_some() || now != self.stamp;
        self.stamp = now;
        is_due.then(|| self.files.read().map_err(|problem| problem.message))
    }
}

impl Reloader {
    /// Watches the files that the certificates in use were read from, in the same order. This blocks
    /// for a moment.
    pub fn new(files: Vec<CertificateFiles>, stats: Arc<TlsStats>, interval: Duration) -> Self {
        Self {
            pairs: files.into_iter().map(Pair::new).collect(),
            stats,
            interval,
            asked: Arc::default(),
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
        let mut pairs = self.pairs.clone();
        let looking = spawn_blocking(move || {
            let read: Vec<_> = pairs.iter_mut().map(|pair| pair.look(is_asked)).collect();
            (pairs, read)
        });
        // An error means that the runtime is shutting down.
        let Ok((pairs, read)) = looking.await else {
            return;
        };
        self.pairs = pairs;
        let mut certificates = self.stats.certificates().all();
        let mut renewed = Vec::new();
        for ((pair, read), place) in self.pairs.iter_mut().zip(read).zip(&mut certificates) {
            let file = &pair.files.cert;
            match read {
                None => {}
                Some(Ok(certificate)) => {
                    *place = certificate;
                    pair.problem = None;
                    renewed.push(file.as_str());
                }
                Some(Err(reason)) => {
                    if is_asked || pair.problem.as_ref() != Some(&reason) {
                        self.stats.count_reload_failure();
                        tracing::error!(file, reason, "certificates not read; the old ones stay");
                    }
                    pair.problem = Some(reason);
                }
            }
        }
        if !renewed.is_empty() {
            self.stats.certificates().replace(certificates);
            let (files, days_left) = (renewed.join(", "), self.stats.days_left());
            tracing::info!(
                files,
                days_left,
                "certificates read; new connections get them"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use crate::transport::tls::{TlsAcceptor, TlsOptions};
    use crate::wire::tls::Certificates;

    use super::*;

    #[tokio::test]
    async fn a_reading_that_failed_is_tried_again_though_the_files_seem_unchanged() {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (cert, key) = (own.cert.pem(), own.signing_key.serialize_pem());
        let certificate = Certificate::from_pem(cert.as_bytes(), key.as_bytes()).unwrap();
        let name = format!("wavecast-reload-{}", uuid::Uuid::new_v4());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir(&folder).unwrap();
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let files = CertificateFiles {
            cert: write("cert.pem", &cert),
            key: write("key.pem", &key),
        };
        let certificates = Arc::new(Certificates::new(vec![certificate]));
        let tls = TlsAcceptor::start(certificates, TlsOptions::default()).unwrap();
        let stats = tls.stats().clone();
        let mut reloader = Reloader::new(vec![files], stats.clone(), Duration::from_secs(10));
        // A folder on the way that could not be searched, or too many open files.
        reloader.pairs[0].problem = Some("cannot read".to_owned());
        reloader.look(false).await;
        assert_eq!(reloader.pairs[0].problem, None);
        assert_eq!(stats.reload_failures(), 0);
        fs::remove_dir_all(&folder).unwrap();
    }
}
