//! The response body of a stream: publishing is what produces the answers.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Bytes;
use futures_util::Stream;
use parking_lot::Mutex;
use tokio_util::task::TaskTracker;

use super::answers::{Answers, Wanted};
use crate::dialect::native::parse_publish_request;
use crate::http::access::Publisher;
use crate::http::body::{BodyLines, Line};
use crate::node::PublishStream;

/// Publishes while it is polled, and yields the answers.
///
/// Memory: the answers that wait, beside what [`BodyLines`] holds. Nothing is read while they are
/// [full](Answers::is_full).
///
/// Cancel safety: as for [`Node::publish`](crate::node::Node::publish), for the event that is being
/// published. The lines behind it are not published.
pub(super) struct Publishing {
    run: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Whether `run` has returned.
    has_ended: bool,
    answers: Arc<Mutex<Answers>>,
}

impl Publishing {
    /// Discards the rest of a request on `tasks`, if a drain ends the stream.
    pub(super) fn new(
        source: (BodyLines, Publisher),
        stream: PublishStream,
        wanted: Wanted,
        tasks: TaskTracker,
    ) -> Self {
        let answers = Arc::new(Mutex::new(Answers::new(wanted)));
        Self {
            run: Box::pin(run(source, stream, answers.clone(), tasks)),
            has_ended: false,
            answers,
        }
    }
}

impl Stream for Publishing {
    type Item = Result<Bytes, Infallible>;

    /// Whenever publishing waits for anything, the answers to what was published are yielded.
    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.has_ended = this.has_ended || this.run.as_mut().poll(cx).is_ready();
        if let Some(text) = this.answers.lock().take() {
            return Poll::Ready(Some(Ok(text.into())));
        }
        if this.has_ended {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

/// Publishes until the request has ended or a drain begins. If the request is incomplete, its whole
/// lines are published, and the last answer says so.
async fn run(
    (mut lines, publisher): (BodyLines, Publisher),
    mut stream: PublishStream,
    answers: Arc<Mutex<Answers>>,
    tasks: TaskTracker,
) {
    let mut has_more = true;
    loop {
        while let Some(Line { number, text }) = lines.next() {
            stream.yield_if_due().await;
            let request = match text {
                Ok(text) => lines.parse(&text, parse_publish_request).await,
                Err(refusal) => Err(refusal),
            };
            let admitted = request.and_then(|event| publisher.admit_line(&event).map(|()| event));
            let outcome = match admitted {
                Ok(event) => stream.publish(event).await,
                Err(refusal) => Err(refusal),
            };
            let is_full = {
                let mut answers = answers.lock();
                answers.add(number, &outcome);
                answers.is_full()
            };
            if is_full {
                taken(&answers).await;
            }
        }
        if !has_more {
            break;
        }
        // Nothing but blank lines may have been read.
        stream.yield_if_due().await;
        let Some(read) = stream.wait_for(lines.read()).await else {
            tasks.spawn(lines.discard_rest());
            break;
        };
        has_more = match read {
            Ok(has_more) => has_more,
            Err(refusal) => {
                answers.lock().add(lines.number(), &Err(refusal));
                break;
            }
        };
    }
    answers.lock().finish();
}

/// Waits until the gathered answers have been sent. No waker is needed: after sending them, the
/// response body is polled again.
async fn taken(answers: &Mutex<Answers>) {
    poll_fn(|_| {
        if answers.lock().is_full() {
            Poll::Pending
        } else {
            Poll::Ready(())
        }
    })
    .await;
}
