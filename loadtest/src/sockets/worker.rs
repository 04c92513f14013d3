//! A worker: a thread with a runtime of its own that opens, reads and closes its share of the sockets.

use super::audit::auditor::Auditor;
use super::connection;
use super::room_talk;
use super::run_state::RunState;
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
use tokio::sync::{Semaphore, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{MissedTickBehavior, interval, sleep, sleep_until, timeout};

/// How often a worker reports.
const REPORT_EVERY: Duration = Duration::from_millis(200);
/// How often open books are counted while draining.
const COUNT_EVERY: Duration = Duration::from_millis(10);
/// How often a worker looks how late its own loop is.
const LOOP_LAG_EVERY: Duration = Duration::from_millis(20);
/// How often churn, the storm and late pongs are looked after.
const FAULTS_EVERY: Duration = Duration::from_millis(10);
/// Connects of one worker that may be under way at once; beyond it the connect rate falls back.
const MAX_OPENING: usize = 512;
/// How long the server may take to answer the tester's Close frames.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

/// The sockets of one worker and the tasks they live in.
struct Fleet {
    state: Arc<RunState>,
    context: Rc<RefCell<WorkerContext>>,
    opening: Arc<Semaphore>,
    tasks: RefCell<JoinSet<()>>,
    /// By socket; to drop one without a word.
    handles: RefCell<Vec<Option<AbortHandle>>>,
}

impl Fleet {
    /// Opens a socket after a while.
    fn launch(&self, local: usize, delay: Duration) {
        let (state, context) = (Arc::clone(&self.state), Rc::clone(&self.context));
        let opening = Arc::clone(&self.opening);
        let handle = self.tasks.borrow_mut().spawn_local(async move {
            sleep(delay).await;
            let permit = opening.acquire_owned().await.expect("nobody closes it");
            connection::run(&state, &context, local, permit).await;
        });
        self.handles.borrow_mut()[local] = Some(handle);
    }

    /// Drops every healthy socket, and lets each come back in its time.
    fn storm(&self, reset: bool) {
        let sockets = self.handles.borrow().len();
        for local in 0..sockets {
            self.drop_one(local, reset);
        }
    }

    /// Drops a healthy socket, which comes back in its time. Returns whether it was ready.
    fn drop_one(&self, local: usize, reset: bool) -> bool {
        if !self.context.borrow_mut().auditor.drop_socket(local, reset) {
            return false;
        }
        let task = self.handles.borrow_mut()[local].take();
        if let Some(task) = task {
            task.abort();
        }
        let conn = self.context.borrow().auditor.conn(local);
        self.launch(local, self.state.plan.return_delay(conn));
        true
    }

    fn reap(&self) {
        while self.tasks.borrow_mut().try_join_next().is_some() {}
    }
}

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
    let sockets = context.borrow().auditor.sockets();
    let fleet = Fleet {
        state: Arc::clone(state),
        context: Rc::clone(&context),
        opening: Arc::new(Semaphore::new(MAX_OPENING)),
        tasks: RefCell::default(),
        handles: RefCell::new(vec![None; sockets]),
    };
    runtime.block_on(async {
        tokio::select! {
            never = dial(&fleet) => match never {},
            never = inject_faults(&fleet) => match never {},
            never = async {
                room_talk::run(state, index, &context).await;
                std::future::pending().await
            } => match never {},
            () = report_until_close(state, index, &context, reports) => {}
        }
        context.borrow_mut().auditor.close_all();
        let mut tasks = fleet.tasks.take();
        let all_closed = async { while tasks.join_next().await.is_some() {} };
        // Sockets whose Close is not answered in time are dropped with the tasks.
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
    // Without a reporter there is nobody left to tell.
    let _ = reports.send_timeout(TallyReport::Worker(Box::new(tally)), Duration::from_secs(5));
    Ok(())
}

/// Starts each socket at its time.
async fn dial(fleet: &Fleet) -> std::convert::Infallible {
    let plan = &fleet.state.plan;
    let start = tokio::time::Instant::now();
    let sockets = fleet.handles.borrow().len();
    for local in 0..sockets {
        let conn = fleet.context.borrow().auditor.conn(local);
        if plan.opens(conn) {
            sleep_until(start + Duration::from_secs_f64(f64::from(conn) / plan.connect_rate)).await;
            fleet.launch(local, Duration::ZERO);
        }
    }
    std::future::pending().await
}

/// Makes trouble while publications are due: churn, the storm, late pongs.
async fn inject_faults(fleet: &Fleet) -> std::convert::Infallible {
    let state = &fleet.state;
    let sockets = fleet.handles.borrow().len();
    let mut tick = interval(FAULTS_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let share = state.plan.churn / f64::from(state.workers);
    let mut place = state.plan.seed as usize % sockets.max(1);
    let (mut began, mut left, mut stormed, mut answered) = (None, 0.0, false, 0);
    let (mut victim, mut turn, mut dropped) = (0, 0, 0.0);
    loop {
        tick.tick().await;
        fleet.reap();
        {
            let auditor = &mut fleet.context.borrow_mut().auditor;
            auditor.answer_late_pings();
            auditor.flush();
        }
        if *state.phase.borrow() != Phase::Publish {
            continue;
        }
        let began = *began.get_or_insert_with(tokio::time::Instant::now);
        let due = share * began.elapsed().as_secs_f64();
        // Sockets that are not ready are passed over, each at most once a turn.
        for _ in 0..sockets {
            if left >= due {
                break;
            }
            place = (place + 1) % sockets;
            if fleet.context.borrow_mut().auditor.leave(place) {
                left += 1.0;
            }
        }
        let due = state.plan.drops / f64::from(state.workers) * began.elapsed().as_secs_f64();
        for _ in 0..sockets {
            if dropped >= due {
                break;
            }
            victim = (victim + 1) % sockets;
            // Each turn the other half goes with a reset.
            if fleet.drop_one(victim, !(victim + turn).is_multiple_of(2)) {
                dropped += 1.0;
            }
            turn += usize::from(victim == 0);
        }
        if let Some(storm) = state.plan.storm
            && !stormed
            && state.clock.now_ns() >= state.storm_at_ns.load(SeqCst)
        {
            stormed = true;
            fleet.storm(storm.reset);
        }
        let asked = state.storms.load(SeqCst);
        if std::mem::replace(&mut answered, asked) != asked {
            fleet.storm(state.plan.storm.is_none_or(|storm| storm.reset));
        }
    }
}

/// Reports at intervals and follows the phases; returns when the sockets are to be closed.
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
