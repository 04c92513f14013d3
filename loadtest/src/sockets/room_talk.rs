//! Publishing to rooms: members send messages from the worker threads.

use super::run_state::RunState;
use super::worker_context::WorkerContext;
use crate::plan::phase::Phase;
use crate::plan::schedule::CHECK_EVERY;
use std::cell::RefCell;
use std::sync::atomic::Ordering::SeqCst;
use tokio::time::sleep_until;

/// Sends the messages that are due from the sockets of worker `index`; overdue ones at once. Returns when all are sent, or
/// publishing has ended.
///
/// Cancel safety: a message is sent completely or not at all.
pub(crate) async fn run(state: &RunState, index: u32, context: &RefCell<WorkerContext>) {
    let plan = &state.plan;
    if !plan.rooms {
        return;
    }
    let mut phase = state.phase.subscribe();
    if phase
        .wait_for(|phase| *phase >= Phase::Publish)
        .await
        .is_err()
    {
        return;
    }
    let end_ns = state.schedule.end_ns();
    let mut n = 0;
    loop {
        let conn = plan.room_publisher(plan.channel_of(n), plan.publisher_of(n));
        let due_ns = state.schedule.due_ns(n);
        let now_ns = state.clock.now_ns();
        if due_ns.is_none() && now_ns >= end_ns || *state.phase.borrow() != Phase::Publish {
            break;
        }
        if due_ns.is_some() && conn % state.workers != index {
            n += 1;
            continue;
        }
        let look_ns = now_ns + CHECK_EVERY.as_nanos() as u64;
        let wake_ns = due_ns.unwrap_or(end_ns).min(look_ns);
        sleep_until(state.clock.instant(wake_ns).into()).await;
        if let Some(intended_ns) = due_ns.filter(|&due_ns| due_ns == wake_ns) {
            let local = (conn / state.workers) as usize;
            let auditor = &mut context.borrow_mut().auditor;
            auditor.send_room_message(local, plan.channel_of(n), plan.publisher_of(n), intended_ns);
            n += 1;
        }
    }
    state.publishers_done.fetch_add(1, SeqCst);
}
