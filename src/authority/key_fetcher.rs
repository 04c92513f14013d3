//! Fetching key sets.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::key_request::{self, KeyRequestError};
use super::key_url::KeyUrl;
use crate::auth::jwks::{Fetch, KeySet};
use crate::auth::token::{Unverified, Verified, Verifier};

/// Time limit of a fetch, and the longest time that somebody waits for one.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Maximum number of tokens that wait for a fetch.
const MAX_WAITING: usize = 1000;

/// Verifies tokens, and keeps the key sets of the verifier fetched. Clones share the sets.
///
/// Each set is fetched at the start, at its interval, and when a token names a key that is not in
/// it, for all tokens together at most once in 30 s. One fetch of a set is in flight at a time.
#[derive(Debug, Clone)]
pub struct KeyFetcher(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    verifier: Arc<Verifier>,
    /// One for each set of the verifier.
    signals: Vec<Signals>,
    /// A permit for each token that may wait.
    waiting: Semaphore,
}

/// Between the task of a set and the tokens that wait for it.
#[derive(Debug)]
struct Signals {
    /// Wakes the task, since a fetch became due.
    due: Notify,
    /// The number of fetches that ended. Changed by the task alone.
    ended: watch::Sender<u64>,
}

impl KeyFetcher {
    /// Starts a task for each key set, on `tasks`, until `stop` is cancelled. May read the
    /// system's root certificates, so it blocks.
    ///
    /// Errors: a set needs TLS, and there are no root certificates.
    pub fn spawn(
        verifier: Arc<Verifier>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) -> Result<Self, KeyRequestError> {
        let mut sources = Vec::new();
        for set in verifier.key_sets() {
            let url = KeyUrl::parse(set.url()).map_err(std::io::Error::other)?;
            sources.push(url);
        }
        let needs_tls = sources.iter().any(KeyUrl::is_tls);
        let tls = needs_tls.then(key_request::tls).transpose()?;
        let signals = sources.iter().map(|_| Signals {
            due: Notify::new(),
            ended: watch::Sender::new(0),
        });
        let inner = Arc::new(Inner {
            signals: signals.collect(),
            verifier,
            waiting: Semaphore::new(MAX_WAITING),
        });
        for (index, url) in sources.into_iter().enumerate() {
            let (inner, tls, stop) = (inner.clone(), tls.clone(), stop.clone());
            tasks.spawn(async move {
                let set = &inner.verifier.key_sets()[index];
                let keeping = keep(set, &inner.signals[index], &url, tls.as_ref());
                stop.run_until_cancelled(keeping).await;
            });
        }
        Ok(Self(inner))
    }

    /// The verifier, which knows the keys that were fetched.
    pub fn verifier(&self) -> &Verifier {
        &self.0.verifier
    }

    /// Verifies a token at the present time. If its key is unknown or not fetched yet, waits up to 5 s for a
    /// fetch, if there is one.
    ///
    /// Errors: never [`Unverified::UnknownKey`]. [`Unverified::KeysUnavailable`] also if 1000 tokens
    /// already wait.
    ///
    /// Cancel safety: nothing is lost; the fetch goes on.
    pub async fn verify(&self, token: &str) -> Result<Verified, Unverified> {
        let verifier = &self.0.verifier;
        let verify = || verifier.verify(token, SystemTime::now());
        let sets = match verify() {
            Err(Unverified::UnknownKey(sets)) => sets,
            Err(Unverified::KeysUnavailable) => {
                let sets = verifier.key_sets().iter().enumerate();
                let missing = sets.filter(|(_, set)| set.keys().is_none());
                missing.map(|(index, _)| index).collect()
            }
            result => return result,
        };
        self.fetched(&sets).await?;
        match verify() {
            Err(Unverified::UnknownKey(_)) => {
                Err(Unverified::Invalid("no key has the token's `kid`".into()))
            }
            result => result,
        }
    }

    /// Waits until these sets were fetched, as far as they are to be fetched now.
    async fn fetched(&self, sets: &[usize]) -> Result<(), Unverified> {
        let now = Instant::now().into_std();
        let mut expected = Vec::new();
        for &index in sets {
            let signals = &self.0.signals[index];
            // Before the demand, so that the end of the fetch cannot be missed.
            let ended = signals.ended.subscribe();
            if self.0.verifier.key_sets()[index].demand(now) == Fetch::Expected {
                signals.due.notify_one();
                expected.push(ended);
            }
        }
        if expected.is_empty() {
            return Ok(());
        }
        let permit = self.0.waiting.try_acquire();
        let _permit = permit.map_err(|_| Unverified::KeysUnavailable)?;
        let all = async {
            for mut ended in expected {
                // Fails only if the task has ended, and then there is nothing to wait for.
                let _ = ended.changed().await;
            }
        };
        // Whatever is there by then is used.
        let _ = timeout(TIMEOUT, all).await;
        Ok(())
    }
}

/// Fetches a set whenever that is due. Never returns.
async fn keep(set: &KeySet, signals: &Signals, url: &KeyUrl, tls: Option<&TlsConnector>) {
    loop {
        let due_in = set.due_in(Instant::now().into_std());
        tokio::select! {
            () = sleep(due_in) => {}
            () = signals.due.notified() => {}
        }
        if set.begin_fetch(Instant::now().into_std()) {
            fetch(set, url, tls).await;
            signals.ended.send_modify(|ended| *ended += 1);
        }
    }
}

async fn fetch(set: &KeySet, url: &KeyUrl, tls: Option<&TlsConnector>) {
    let response = timeout(TIMEOUT, key_request::get(url, tls)).await;
    let now = Instant::now().into_std();
    let problem = match response {
        Ok(Ok(text)) => match set.fetched(&text, now) {
            Ok(0) => "no key in it can be used".to_owned(),
            Ok(keys) => {
                tracing::debug!(url = set.url(), keys, "key set fetched");
                return;
            }
            Err(error) => error.to_string(),
        },
        Ok(Err(error)) => {
            set.failed(now);
            error.to_string()
        }
        Err(_) => {
            set.failed(now);
            "no response within 5 s".to_owned()
        }
    };
    let has_keys = set.keys().is_some_and(|keys| !keys.is_empty());
    tracing::warn!(
        url = set.url(),
        problem,
        has_keys,
        "no new keys from a key set"
    );
}
