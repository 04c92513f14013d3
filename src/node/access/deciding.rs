//! Waits for the decisions of the policy.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use tokio::time::{Instant, timeout_at};

use crate::hub::{Client, JoinError, Phase};
use crate::node::Node;
use crate::node::policy::{Answer, Decision};
use crate::node::refusals::join_error_code;
use crate::protocol::{ErrorCode, Refusal};

impl Node {
    /// The deadline of a question that the policy is asked now.
    pub fn policy_deadline(&self) -> Instant {
        Instant::now() + self.options.policy_timeout
    }

    /// Waits for the policy's answer to a client's command, but not beyond the end of its
    /// connection.
    pub(in crate::node) async fn decide_command<T>(
        &self,
        client: &Client,
        decision: Decision<'_, T>,
    ) -> Answer<T> {
        let mut later = match decision {
            Decision::Now(answer) => return answer,
            Decision::Later(later) => later,
        };
        let answer = poll_fn(|cx| {
            client.register_task(cx.waker());
            if client.phase() != Phase::Open {
                return Poll::Ready(Err(join_error_code(JoinError::Disconnected).into()));
            }
            later.as_mut().poll(cx)
        });
        in_time(self.policy_deadline(), answer).await
    }

    /// Asks the policy about an HTTP request and waits for the answer. A panic is caught
    /// here, because there is no connection task yet that would catch it.
    pub(super) async fn decide_request<'a, T>(
        &self,
        ask: impl FnOnce() -> Decision<'a, T>,
        deadline: Option<Instant>,
    ) -> Answer<T> {
        let mut answer = pin!(async {
            match ask() {
                Decision::Now(answer) => answer,
                Decision::Later(later) => {
                    let deadline = deadline.unwrap_or_else(|| self.policy_deadline());
                    in_time(deadline, later).await
                }
            }
        });
        poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| answer.as_mut().poll(cx)));
            polled.unwrap_or_else(|_panic| {
                self.record_panic("an HTTP request");
                Poll::Ready(Err(ErrorCode::Internal.into()))
            })
        })
        .await
    }
}

async fn in_time<T>(deadline: Instant, answer: impl Future<Output = Answer<T>>) -> Answer<T> {
    timeout_at(deadline, answer).await.unwrap_or_else(|_| {
        let detail = "the application did not decide in time";
        Err(Refusal::new(ErrorCode::Overloaded).with_detail(detail))
    })
}
