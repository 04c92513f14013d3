//! What the threads of one run share.

use crate::base::clock::Clock;
use crate::base::target::Target;
use crate::books::ledger::Ledger;
use crate::plan::phase::Phase;
use crate::plan::run_plan::RunPlan;
use crate::plan::schedule::Schedule;
use crate::wire::frame_reader::ReaderEngine;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};
use std::time::Duration;
use tokio::sync::watch;

/// Set up by the conductor, then only read, apart from the atomics.
#[derive(Debug)]
pub(crate) struct RunState {
    pub(crate) plan: RunPlan,
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    pub(crate) ws: Target,
    pub(crate) api: Target,
    /// Addresses to bind in turn; empty when the kernel chooses.
    pub(crate) source_ips: Vec<IpAddr>,
    pub(crate) workers: u32,
    /// What reads frames.
    pub(crate) engine: ReaderEngine,
    /// From the start of a connect to its last confirmed subscription.
    pub(crate) connect_timeout: Duration,
    /// Wakes the workers when it changes.
    pub(crate) phase: watch::Sender<Phase>,
    /// When the cohorts turn bad and the storm breaks, on the clock; `u64::MAX` until publications are due.
    pub(crate) faults_at_ns: AtomicU64,
    pub(crate) storm_at_ns: AtomicU64,
    /// When publications are due.
    pub(crate) schedule: Schedule,
    /// Storms that whoever watches has asked for.
    pub(crate) storms: AtomicU32,
    /// Sockets whose connect succeeded or failed.
    pub(crate) connects_done: AtomicU32,
    /// Ready sockets now.
    pub(crate) open: AtomicU32,
    /// Most of them at a time.
    pub(crate) peak: AtomicU32,
    /// Books that wait for messages, by worker; valid in [`Phase::Drain`] and `u64::MAX` before.
    pub(crate) open_books: Vec<AtomicU64>,
    /// Publishers, or workers whose members have said everything, that ended.
    pub(crate) publishers_done: AtomicU32,
}

impl RunState {
    /// Whether the cohorts have turned bad.
    pub(crate) fn faults_started(&self) -> bool {
        self.clock.now_ns() >= self.faults_at_ns.load(SeqCst)
    }

    /// Whether every socket stays, as far as the tester is concerned.
    pub(crate) fn is_steady(&self) -> bool {
        self.plan.is_steady() && self.storms.load(SeqCst) == 0
    }

    /// Whether every socket is owed every publication.
    pub(crate) fn expects_all(&self) -> bool {
        self.plan.expects_all() && (self.plan.positions || self.storms.load(SeqCst) == 0)
    }

    /// Whether nothing will be published any more.
    pub(crate) fn all_published(&self) -> bool {
        let publishers = if self.plan.rooms {
            self.workers
        } else {
            self.plan.publishers
        };
        self.publishers_done.load(SeqCst) == publishers
    }

    /// How many books wait for messages, over all workers; very many before all have counted.
    pub(crate) fn open_books(&self) -> u64 {
        self.open_books
            .iter()
            .fold(0, |sum, books| sum.saturating_add(books.load(SeqCst)))
    }
}
