//! Publishes numbered events, on a thread of its own.

use super::options::SceneOptions;
use crate::base::threads;
use crate::wire::http_client::HttpClient;
use crossbeam_channel::{Receiver, after, bounded};
use std::io;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(30);

/// What came of it.
#[derive(Debug, Default)]
pub(super) struct Published {
    pub(super) accepted: u64,
    /// The first refusal.
    pub(super) error: Option<String>,
    pub(super) errors: u64,
}

/// Publishes `{"n":1}`, `{"n":2}` and so on at the rate of the options, for their duration. Tells once what came of it.
pub(super) fn start(options: &SceneOptions) -> io::Result<Receiver<Published>> {
    let (sender, receiver) = bounded(1);
    let mut client =
        HttpClient::new(options.api.clone(), TIMEOUT).with_headers(&options.api_headers);
    let (channel, rate, duration) = (options.channel(), options.rate, options.duration);
    threads::spawn("publisher".to_owned(), move || {
        let mut published = Published::default();
        let began = Instant::now();
        let total = (duration.as_secs_f64() * rate).ceil() as u64;
        for n in 1..=total {
            let due = Duration::from_secs_f64((n - 1) as f64 / rate);
            if let Some(early) = due.checked_sub(began.elapsed()) {
                let _ = after(early).recv();
            }
            let body = format!(r#"{{"channel":"{channel}","data":{{"n":{n}}}}}"#);
            let error = match client.send("POST", "/api/events", body.as_bytes()) {
                Ok(reply) if reply.status < 300 => {
                    published.accepted += 1;
                    continue;
                }
                Ok(reply) => format!("publish: http {}", reply.status),
                Err(error) => format!("publish: {error}"),
            };
            published.errors += 1;
            published.error.get_or_insert(error);
        }
        let _ = sender.try_send(published);
    })?;
    Ok(receiver)
}
