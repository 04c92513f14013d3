//! What the threads of a run share.

use crate::base::clock::Clock;
use crate::base::target::Target;
use crate::base::tokens::Tokens;
use crate::books::ledger::Ledger;
use crate::dialect::hub_dialect::Dialect;
use crate::plan::phase::Phase;
use crate::plan::run_plan::RunPlan;
use crate::plan::schedule::Schedule;
use crate::wire::frame_reader::ReaderEngine;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::watch;

/// What the tester says about itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct Credentials {
    /// Header lines of upgrade requests, each with its end.
    pub(crate) upgrade_headers: String,
    /// Header lines of requests to publish, likewise.
    pub(crate) publish_headers: String,
    /// The value of `--token`; empty if there is none.
    pub(crate) token: String,
    /// The tokens that sockets have of their own.
    pub(crate) tokens: Tokens,
}

/// Created before the run. Then only the ledger, the phase, the schedule and the atomics change.
#[derive(Debug)]
pub(crate) struct RunState {
    pub(crate) plan: RunPlan,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    pub(crate) ws: Target,
    pub(crate) api: Target,
    /// How to talk to the hub. `None` if it is Wavecast.
    pub(crate) dialect: Option<Dialect>,
    pub(crate) credentials: Credentials,
    /// Source addresses to bind, in turn. Empty if the kernel chooses.
    pub(crate) source_ips: Vec<IpAddr>,
    pub(crate) workers: u32,
    /// The frame reader to use.
    pub(crate) engine: ReaderEngine,
    /// Time limit from the start of a connect until all subscriptions are confirmed.
    pub(crate) connect_timeout: Duration,
    /// Changes wake the workers.
    pub(crate) phase: watch::Sender<Phase>,
    /// When the faults start, on the clock of the run; `u64::MAX` before the publish phase.
    pub(crate) faults_at_ns: AtomicU64,
    /// When the storm happens, likewise.
    pub(crate) storm_at_ns: AtomicU64,
    /// When publications are due.
    pub(crate) schedule: Schedule,
    /// When the publish phase began, on the clock of the run; `u64::MAX` before.
    pub(crate) begin_ns: AtomicU64,
    /// Number of sockets that stages have begun to open.
    pub(crate) openings: AtomicU32,
    /// Number of storms that the user has asked for with a key.
    pub(crate) storms: AtomicU32,
    /// Number of sockets that have become ready or failed.
    pub(crate) connects_done: AtomicU32,
    /// Number of ready sockets.
    pub(crate) open: AtomicU32,
    /// Highest number of ready sockets at a time.
    pub(crate) peak: AtomicU32,
    /// By worker: number of books that wait for messages. Only counted in [`Phase::Drain`]; `u64::MAX` before.
    pub(crate) open_books: Vec<AtomicU64>,
    /// Number of publishers that have finished. With rooms: number of workers that have.
    pub(crate) publishers_done: AtomicU32,
}

impl RunState {
    /// Whether the faults have started.
    pub(crate) fn faults_started(&self) -> bool {
        self.clock.now_ns() >= self.faults_at_ns.load(SeqCst)
    }

    /// Whether the tester has kept every socket open.
    pub(crate) fn is_steady(&self) -> bool {
        self.plan.is_steady() && self.storms.load(SeqCst) == 0
    }

    /// Whether every socket is expected to receive every publication.
    pub(crate) fn expects_all(&self) -> bool {
        self.plan.expects_all() && (self.plan.positions || self.storms.load(SeqCst) == 0)
    }

    /// The stage at a time on the clock of the run. `None` in a run without stages.
    pub(crate) fn stage_at(&self, at_ns: u64) -> Option<usize> {
        if self.plan.stages.are_none() {
            return None;
        }
        Some(self.plan.stages.at(self.since_begin(at_ns)))
    }

    /// The time from the beginning of the publish phase.
    pub(crate) fn since_begin(&self, at_ns: u64) -> Duration {
        Duration::from_nanos(at_ns.saturating_sub(self.begin_ns.load(SeqCst)))
    }

    /// Whether every socket that stages open has become ready or failed.
    pub(crate) fn all_stages_opened(&self) -> bool {
        let due = self.plan.stages.openings();
        self.openings.load(SeqCst) >= due && self.connects_done.load(SeqCst) >= due
    }

    /// Whether publishing is finished.
    pub(crate) fn all_published(&self) -> bool {
        let publishers = if self.plan.rooms {
            self.workers
        } else {
            self.plan.publishers
        };
        self.publishers_done.load(SeqCst) == publishers
    }

    /// Number of books that wait for messages, over all workers. Very large until every worker has counted.
    pub(crate) fn open_books(&self) -> u64 {
        self.open_books
            .iter()
            .fold(0, |sum, books| sum.saturating_add(books.load(SeqCst)))
    }
}

#[cfg(test)]
impl RunState {
    /// The state of a run with one worker that connects to nobody.
    pub(crate) fn for_tests(plan: RunPlan) -> Self {
        let nobody = Target::resolve("ws://127.0.0.1:1/", "ws", None).expect("an address");
        Self {
            ledger: Ledger::new(&plan),
            clock: Clock::start(),
            ws: nobody.clone(),
            api: nobody,
            dialect: None,
            credentials: Credentials::default(),
            source_ips: Vec::new(),
            workers: 1,
            engine: ReaderEngine::Lean,
            connect_timeout: Duration::from_secs(1),
            phase: watch::Sender::new(Phase::Connect),
            faults_at_ns: AtomicU64::new(u64::MAX),
            storm_at_ns: AtomicU64::new(u64::MAX),
            schedule: plan.schedule(),
            begin_ns: AtomicU64::new(u64::MAX),
            openings: AtomicU32::new(0),
            storms: AtomicU32::new(0),
            connects_done: AtomicU32::new(0),
            open: AtomicU32::new(0),
            peak: AtomicU32::new(0),
            open_books: vec![AtomicU64::new(u64::MAX)],
            publishers_done: AtomicU32::new(0),
            plan,
        }
    }
}
