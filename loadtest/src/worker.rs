//! A worker: a thread with a runtime of its own that opens, reads and closes its share of the sockets.

use crate::auditor::Auditor;
use crate::connection::{self, CLOSE_TIMEOUT, Desk};
use crate::run_state::{Phase, RunState};
use crate::tally::Report;
use crossbeam_channel::{Sender, TrySendError};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

/// How often a worker reports.
const REPORT_EVERY: Duration = Duration::from_millis(200);
/// How often open books are counted while draining.
const COUNT_EVERY: Duration = Duration::from_millis(10);
/// How often a worker looks how late its own loop is.
const BEAT_EVERY: Duration = Duration::from_millis(20);
/// Connects of one worker that may be under way at once; beyond it the connect rate falls back.
const MAX_OPENING: usize = 512;

/// Runs worker `index` until the run is over.
pub(crate) fn run(state: &Arc<RunState>, index: u32, reports: &Sender<Report>) -> io::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())?;
    let desk = Rc::new(RefCell::new(Desk::new(Auditor::new(
        Arc::clone(state),
        index,
    ))));
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        tokio::select! {
            never = dial(state, &desk, &mut tasks) => match never {},
            () = follow(state, index, &desk, reports) => {}
        }
        desk.borrow_mut().auditor.close_all();
        let all_closed = async { while tasks.join_next().await.is_some() {} };
        // Sockets whose Close is not answered in time are dropped with the tasks.
        let _ = timeout(CLOSE_TIMEOUT, all_closed).await;
        tasks.shutdown().await;
    });
    let tally = std::mem::take(&mut desk.borrow_mut().auditor.tally);
    // Without a reporter there is nobody left to tell.
    let _ = reports.send_timeout(Report::Worker(Box::new(tally)), Duration::from_secs(5));
    Ok(())
}

/// Starts each socket at its time, then tends the tasks for ever.
async fn dial(
    state: &Arc<RunState>,
    desk: &Rc<RefCell<Desk>>,
    tasks: &mut JoinSet<()>,
) -> std::convert::Infallible {
    let opening = Arc::new(Semaphore::new(MAX_OPENING));
    let start = tokio::time::Instant::now();
    let sockets = desk.borrow().auditor.sockets();
    for local in 0..sockets {
        let conn = desk.borrow().auditor.conn(local);
        if !state.plan.opens(conn) {
            continue;
        }
        sleep_until(start + Duration::from_secs_f64(f64::from(conn) / state.plan.connect_rate))
            .await;
        let permit = Arc::clone(&opening)
            .acquire_owned()
            .await
            .expect("nobody closes it");
        let (state, desk) = (Arc::clone(state), Rc::clone(desk));
        tasks.spawn_local(async move {
            connection::live(&state, &desk, local, permit).await;
        });
    }
    loop {
        if tasks.join_next().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

/// Reports at intervals and follows the phases; returns when the sockets are to be closed.
async fn follow(state: &RunState, index: u32, desk: &RefCell<Desk>, reports: &Sender<Report>) {
    let mut phase: watch::Receiver<Phase> = state.phase.subscribe();
    let mut report = interval(REPORT_EVERY);
    report.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = interval(COUNT_EVERY);
    count.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut beat = interval(BEAT_EVERY);
    beat.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let now = *phase.borrow_and_update();
        if now == Phase::Close {
            return;
        }
        tokio::select! {
            changed = phase.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            _ = report.tick() => {
                let tally = std::mem::take(&mut desk.borrow_mut().auditor.tally);
                let full = reports.try_send(Report::Worker(Box::new(tally))).map_err(TrySendError::into_inner);
                if let Err(Report::Worker(tally)) = full {
                    desk.borrow_mut().auditor.tally.merge(*tally);
                }
            }
            due = beat.tick() => {
                desk.borrow_mut().auditor.tally.loop_lag.record_ns(due.elapsed().as_nanos() as u64);
            }
            _ = count.tick(), if now == Phase::Drain => {
                let open = desk.borrow().auditor.open_books();
                state.open_books[index as usize].store(open, SeqCst);
            }
        }
    }
}
