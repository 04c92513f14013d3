//! Revokes users over the API, on a thread of its own.

use super::options::SceneOptions;
use crate::base::threads;
use crate::wire::http_client::HttpClient;
use crate::wire::json;
use crossbeam_channel::{Receiver, bounded};
use std::io;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Revoked {
    /// When the server has answered, for each user in order.
    pub(super) answered: Vec<Instant>,
    ids: Vec<String>,
    /// The first refusal.
    pub(super) error: Option<String>,
    pub(super) errors: usize,
}

/// Revokes each of these users, one after the other. Tells once what came of it.
pub(super) fn start(options: &SceneOptions, users: Vec<String>) -> io::Result<Receiver<Revoked>> {
    let (sender, receiver) = bounded(1);
    let mut client = client(options);
    threads::spawn("revoker".to_owned(), move || {
        let mut revoked = Revoked::default();
        for user in users {
            // Long enough for this run, and short enough that a run that is killed leaves nothing behind for long.
            let body = format!(r#"{{"user":"{user}","for":"1h"}}"#);
            match client.send("POST", "/api/revocations", body.as_bytes()) {
                Ok(reply) if reply.status == 201 => json::members(&reply.body, |key, value| {
                    if key == b"id" {
                        let id = String::from_utf8_lossy(json::unquoted(value));
                        revoked.ids.push(id.into_owned());
                    }
                }),
                Ok(reply) => revoked.refused(format!("revoke: http {}", reply.status)),
                Err(error) => revoked.refused(format!("revoke: {error}")),
            }
            revoked.answered.push(Instant::now());
        }
        let _ = sender.try_send(revoked);
    })?;
    Ok(receiver)
}

impl Revoked {
    fn refused(&mut self, error: String) {
        self.errors += 1;
        self.error.get_or_insert(error);
    }

    /// Takes the revocations back, so that the next run can use the same users.
    pub(super) fn take_back(&self, options: &SceneOptions) {
        let mut client = client(options);
        for id in &self.ids {
            // What is left ends by itself.
            let _ = client.send("DELETE", &format!("/api/revocations/{id}"), b"");
        }
    }
}

fn client(options: &SceneOptions) -> HttpClient {
    HttpClient::new(options.api.clone(), TIMEOUT).with_headers(&options.api_headers)
}
