//! One connection, from its start to its end.

use super::close_cause::CloseCause;
use super::opening::open;
use super::run_state::RunState;
use super::stalled;
use super::worker_context::{WorkerContext, poll_read};
use crate::plan::cohort::Role;
use std::cell::RefCell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use tokio::sync::OwnedSemaphorePermit;

/// Runs connection `local`: opens it, reads until it ends, and opens it again if it left by itself (churn), unless a stage
/// closed it. Dropping the future closes the socket. `permit` is held until the connection is open.
pub(super) async fn run(
    state: &Arc<RunState>,
    context: &Rc<RefCell<WorkerContext>>,
    local: usize,
    permit: OwnedSemaphorePermit,
) {
    let role = context.borrow().auditor.role(local);
    if role == Role::HandshakeStall {
        drop(permit);
        state.connects_done.fetch_add(1, SeqCst);
        return Box::pin(stalled::stall_handshake(state, context, local)).await;
    }
    let mut permit = Some(permit);
    loop {
        // Boxed, so that the task of an open connection does not keep room for the state of its opening.
        let Some((mut link, mut frames)) = Box::pin(open(state, context, local)).await else {
            return;
        };
        drop(permit.take());
        let cause = match role {
            Role::BlackHole => Box::pin(stalled::run(state, context, local, link, frames, 0)).await,
            Role::Slow => {
                let rate = state.plan.cohorts.slow_rate;
                Box::pin(stalled::run(state, context, local, link, frames, rate)).await
            }
            _ => loop {
                let step =
                    poll_fn(|cx| poll_read(cx, &mut link, &mut frames, state, context, local));
                if let Err(cause) = step.await {
                    break cause;
                }
            },
        };
        if !matches!(cause, CloseCause::Left) {
            return context.borrow_mut().auditor.on_closed(local, &cause);
        }
        context.borrow_mut().auditor.on_left(local);
        if state.plan.stages.set_connections() {
            return;
        }
    }
}
