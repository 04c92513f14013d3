//! A worker: a thread with its own runtime that opens, reads and closes its share of the sockets.

use super::audit::auditor::Auditor;
use super::fault_injector::FaultInjector;
use super::fleet::Fleet;
use super::room_talk;
use super::run_state::RunState;
use super::stage_driver::StageDriver;
use super::worker_context::WorkerContext;
use crate::books::tally::TallyReport;
use crate::plan::phase::Phase;
use crossbeam_channel::{Sender, TrySendError};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep_until, timeout};

/// How often a worker reports.
const REPORT_EVERY: Duration = Duration::from_millis(200);
/// How often incomplete books are counted while draining.
const COUNT_EVERY: Duration = Duration::from_millis(10);
/// How often a worker measures how late its event loop wakes up.
const LOOP_LAG_EVERY: Duration = Duration::from_millis(20);
/// How long the server may take to answer the tester's Close frames.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs worker `index` until the run is over.
pub(crate) fn run(
    state: &Arc<RunState>,
    index: u32,
    reports: &Sender<TallyReport>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build_local(LocalOptions::default())?;
    let context = Rc::new(RefCell::new(WorkerContext::new(Auditor::new(
        Arc::clone(state),
        index,
    ))));
    let fleet = Fleet::new(Arc::clone(state), Rc::clone(&context));
    runtime.block_on(async {
        tokio::select! {
            never = dial(&fleet) => match never {},
            never = FaultInjector::new(&fleet).run() => match never {},
            never = async {
                room_talk::run(state, index, &context).await;
                std::future::pending().await
            } => match never {},
            () = report_until_close(state, index, &context, reports) => {}
        }
        context.borrow_mut().auditor.close_all();
        let mut tasks = fleet.into_tasks();
        let all_closed = async { while tasks.join_next().await.is_some() {} };
        // A socket whose Close frame is not answered in time is dropped with its task.
        let _ = timeout(CLOSE_TIMEOUT, all_closed).await;
        tasks.shutdown().await;
        let mut relays = std::mem::take(&mut context.borrow_mut().relays);
        relays.shutdown().await;
    });
    let (tally, room_tally) = {
        let auditor = &mut context.borrow_mut().auditor;
        (
            std::mem::take(&mut auditor.tally),
            std::mem::take(&mut auditor.room_tally),
        )
    };
    let _ = reports.send_timeout(
        TallyReport::Publisher(Box::new(room_tally)),
        Duration::from_secs(5),
    );
    // If the conductor is gone, nobody needs the reports.
    let _ = reports.send_timeout(TallyReport::Worker(Box::new(tally)), Duration::from_secs(5));
    Ok(())
}

/// Opens every socket when it is due.
async fn dial(fleet: &Fleet) -> std::convert::Infallible {
    let plan = &fleet.state.plan;
    if plan.stages.set_connections() {
        return StageDriver::new(fleet).run().await;
    }
    let start = tokio::time::Instant::now();
    let sockets = fleet.sockets();
    for local in 0..sockets {
        let conn = fleet.context.borrow().auditor.conn(local);
        if plan.opens(conn) {
            sleep_until(start + Duration::from_secs_f64(f64::from(conn) / plan.connect_rate)).await;
            fleet.launch(local, Duration::ZERO);
        }
    }
    std::future::pending().await
}

/// Reports at intervals until the close phase begins.
async fn report_until_close(
    state: &RunState,
    index: u32,
    context: &RefCell<WorkerContext>,
    reports: &Sender<TallyReport>,
) {
    let mut phase: watch::Receiver<Phase> = state.phase.subscribe();
    let mut report = interval(REPORT_EVERY);
    report.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut count = interval(COUNT_EVERY);
    count.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut loop_lag = interval(LOOP_LAG_EVERY);
    loop_lag.set_missed_tick_behavior(MissedTickBehavior::Delay);
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
                let tally = std::mem::take(&mut context.borrow_mut().auditor.tally);
                let full = reports.try_send(TallyReport::Worker(Box::new(tally))).map_err(TrySendError::into_inner);
                if let Err(TallyReport::Worker(tally)) = full {
                    context.borrow_mut().auditor.tally.merge(*tally);
                }
                let room_tally = std::mem::take(&mut context.borrow_mut().auditor.room_tally);
                let full = reports.try_send(TallyReport::Publisher(Box::new(room_tally))).map_err(TrySendError::into_inner);
                if let Err(TallyReport::Publisher(room_tally)) = full {
                    context.borrow_mut().auditor.room_tally.merge(*room_tally);
                }
            }
            due = loop_lag.tick() => {
                context.borrow_mut().auditor.tally.loop_lag.record_ns(due.elapsed().as_nanos() as u64);
            }
            _ = count.tick(), if now == Phase::Drain => {
                let open = context.borrow().auditor.open_books();
                state.open_books[index as usize].store(open, SeqCst);
            }
        }
    }
}
