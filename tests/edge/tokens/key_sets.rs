//! Key sets that are fetched from an issuer.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wavecast::auth::jwks::{KeySet, KeySetOptions};
use wavecast::auth::token::{Algorithm, TokenOptions, Unverified, Verified, Verifier};
use wavecast::authority::KeyFetcher;

use crate::support::{InTime as _, KeyServer, TokenKey, eventually, join_all, within};

/// A fetcher of the set of one server. Its tasks end when it is dropped.
struct Fetcher {
    keys: KeyFetcher,
    tasks: TaskTracker,
    stop: CancellationToken,
}

impl Fetcher {
    fn of(server: &KeyServer, refresh: Duration) -> Self {
        let set = KeySet::new(KeySetOptions {
            url: server.url(),
            algorithms: vec![Algorithm::Es256],
            issuer: None,
            refresh,
        });
        let verifier = Verifier::new(TokenOptions::default(), Vec::new(), vec![set]);
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let fetcher = KeyFetcher::spawn(Arc::new(verifier), &tasks, &stop).expect("a fetcher");
        Self {
            keys: fetcher,
            tasks,
            stop,
        }
    }

    async fn verify(&self, token: &str) -> Result<Verified, Unverified> {
        self.keys.verify(token).in_time().await
    }
}

impl Drop for Fetcher {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn a_set_is_fetched_at_the_start_and_tokens_wait_for_it() {
    let (server, key) = (KeyServer::start().await, TokenKey::new());
    let fetcher = Fetcher::of(&server, HOUR);
    let token = key.sign("1", ",\"sub\":\"ada\"");
    let verifying = fetcher.verify(&token);
    let publishing = async {
        eventually("a request", async || server.requests() == 1).await;
        server.publish(&[key.jwk("1")]);
    };
    let (verified, ()) = tokio::join!(verifying, publishing);
    assert_eq!(verified.unwrap().user.unwrap().as_str(), "ada");
    assert!(fetcher.verify(&token).await.is_ok());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_thousand_unknown_keys_cause_one_fetch() {
    let (server, key) = (KeyServer::start().await, TokenKey::new());
    server.publish(&[key.jwk("1")]);
    let fetcher = Fetcher::of(&server, HOUR);
    assert!(fetcher.verify(&key.sign("1", "")).await.is_ok());
    let mut asking = JoinSet::new();
    for number in 0..1000 {
        let (fetcher, token) = (fetcher.keys.clone(), key.sign(&format!("x{number}"), ""));
        asking.spawn(async move { fetcher.verify(&token).await });
    }
    for result in join_all("all tokens", asking).await {
        assert!(matches!(result, Err(Unverified::Invalid(_))), "{result:?}");
    }
    assert_eq!(server.requests(), 2);
    assert!(fetcher.verify(&key.sign("1", "")).await.is_ok());
    assert!(fetcher.verify(&key.sign("y", "")).await.is_err());
    assert_eq!(server.requests(), 2, "the last one was just now");
}

#[tokio::test]
async fn a_thousand_tokens_may_wait_for_a_fetch() {
    let (server, key) = (KeyServer::start().await, TokenKey::new());
    let fetcher = Fetcher::of(&server, HOUR);
    let mut asking = JoinSet::new();
    let token: Arc<str> = key.sign("1", "").into();
    for _ in 0..1001 {
        let (fetcher, token) = (fetcher.keys.clone(), token.clone());
        asking.spawn(async move { fetcher.verify(&token).await.map(|_| ()) });
    }
    let first = within("the one too many", asking.join_next()).await;
    assert_eq!(first.unwrap().unwrap(), Err(Unverified::KeysUnavailable));
    server.publish(&[key.jwk("1")]);
    let others = join_all("the others", asking).await;
    assert_eq!(others, vec![Ok(()); 1000]);
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_new_key_of_the_issuer_is_found_at_once() {
    let (server, old, new) = (KeyServer::start().await, TokenKey::new(), TokenKey::new());
    server.publish(&[old.jwk("1")]);
    let fetcher = Fetcher::of(&server, HOUR);
    assert!(fetcher.verify(&old.sign("1", "")).await.is_ok());
    server.publish(&[new.jwk("2")]);
    assert!(fetcher.verify(&new.sign("2", "")).await.is_ok());
    assert_eq!(server.requests(), 2);
    let gone = fetcher.verify(&old.sign("1", "")).await;
    assert!(matches!(gone, Err(Unverified::Invalid(_))), "{gone:?}");
}

#[tokio::test]
async fn a_set_is_fetched_again_at_its_interval() {
    let (server, old, new) = (KeyServer::start().await, TokenKey::new(), TokenKey::new());
    server.publish(&[old.jwk("1")]);
    let fetcher = Fetcher::of(&server, Duration::from_millis(20));
    assert!(fetcher.verify(&old.sign("1", "")).await.is_ok());
    // The same id, so that no token is of an unknown key.
    server.publish(&[new.jwk("1")]);
    let token = new.sign("1", "");
    eventually("the new key", async || fetcher.verify(&token).await.is_ok()).await;
}

#[tokio::test]
async fn the_keys_of_an_issuer_that_is_gone_still_count() {
    let (server, key) = (KeyServer::start().await, TokenKey::new());
    server.publish(&[key.jwk("1")]);
    let fetcher = Fetcher::of(&server, Duration::from_millis(20));
    assert!(fetcher.verify(&key.sign("1", "")).await.is_ok());
    server.answer("500 Internal Server Error", "", "");
    let before = server.requests();
    eventually("fetches that fail", async || server.requests() > before + 2).await;
    assert!(fetcher.verify(&key.sign("1", "")).await.is_ok());
    let unknown = fetcher.verify(&key.sign("2", "")).await;
    assert!(
        matches!(unknown, Err(Unverified::Invalid(_))),
        "{unknown:?}"
    );
}

#[tokio::test]
async fn a_response_that_is_no_key_set_makes_keys_unavailable() {
    let key = TokenKey::new();
    let set = format!("{{\"keys\":[{}]}}", key.jwk("1"));
    let elsewhere = KeyServer::start().await;
    elsewhere.publish(&[key.jwk("1")]);
    let location = format!("location: {}\r\n", elsewhere.url());
    let too_large = format!("{set}{}", " ".repeat(256 * 1024));
    for (status, head, body) in [
        ("302 Found", location.as_str(), ""),
        ("302 Found", location.as_str(), set.as_str()),
        ("404 Not Found", "", &set),
        ("204 No Content", "", ""),
        ("200 OK", "", "<html>"),
        ("200 OK", "content-encoding: gzip\r\n", &set),
        ("200 OK", "", &too_large),
    ] {
        let server = KeyServer::start().await;
        server.answer(status, head, body);
        let fetcher = Fetcher::of(&server, HOUR);
        let result = fetcher.verify(&key.sign("1", "")).await;
        let result = result.map(|_| ());
        assert_eq!(result, Err(Unverified::KeysUnavailable), "{status} {head}");
    }
    assert_eq!(elsewhere.requests(), 0);
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_for_longer_than_5_seconds() {
    let (server, key) = (KeyServer::start().await, TokenKey::new());
    let fetcher = Fetcher::of(&server, HOUR);
    let start = Instant::now();
    let result = fetcher.verify(&key.sign("1", "")).await;
    assert_eq!(result.map(|_| ()), Err(Unverified::KeysUnavailable));
    // Not real seconds: the clock jumps to the next deadline whenever nothing else is to be done.
    assert!(
        start.elapsed() < Duration::from_secs(6),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn the_tasks_end_when_they_are_told_to() {
    let server = KeyServer::start().await;
    let fetcher = Fetcher::of(&server, HOUR);
    eventually("a request", async || server.requests() == 1).await;
    assert_eq!(fetcher.tasks.len(), 1);
    fetcher.stop.cancel();
    fetcher.tasks.close();
    within("the end of the tasks", fetcher.tasks.wait()).await;
}
