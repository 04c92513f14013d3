//! The faults that the tester injects while publishing: churn, drops, storms and late pongs.

use super::fleet::Fleet;
use crate::plan::phase::Phase;
use std::convert::Infallible;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often the injector checks what is due.
const CHECK_EVERY: Duration = Duration::from_millis(10);

/// Injects the faults of one worker's sockets.
pub(super) struct FaultInjector<'a> {
    fleet: &'a Fleet,
    /// The first check of the publish phase.
    began: Option<Instant>,
    /// Sockets that have left so far, and the one tried last.
    left: f64,
    last_left: usize,
    /// Sockets that have been dropped so far, the one tried last, and the rounds over all sockets.
    dropped: f64,
    last_dropped: usize,
    rounds: usize,
    /// Whether the planned storm has happened, and the number of storms that were asked for with a key.
    planned_storm_done: bool,
    storms_done: u32,
    /// When a heartbeat was sent last; only with some dialects.
    last_heartbeat: Instant,
}

impl<'a> FaultInjector<'a> {
    pub(super) fn new(fleet: &'a Fleet) -> Self {
        Self {
            fleet,
            began: None,
            left: 0.0,
            last_left: fleet.state.plan.seed as usize % fleet.sockets().max(1),
            dropped: 0.0,
            last_dropped: 0,
            rounds: 0,
            planned_storm_done: false,
            storms_done: 0,
            last_heartbeat: Instant::now(),
        }
    }

    /// Never returns. Late pongs and unsent bytes are sent in every phase, the other faults are injected while publishing.
    pub(super) async fn run(mut self) -> Infallible {
        let mut tick = interval(CHECK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            self.fleet.reap();
            {
                let auditor = &mut self.fleet.context.borrow_mut().auditor;
                auditor.answer_late_pings();
                let heartbeat = self.fleet.state.dialect.as_ref();
                if let Some((every, text)) = heartbeat.and_then(|own| own.heartbeat.as_ref())
                    && self.last_heartbeat.elapsed() >= *every
                {
                    self.last_heartbeat = Instant::now();
                    auditor.send_heartbeats(text);
                }
                auditor.flush();
            }
            if *self.fleet.state.phase.borrow() != Phase::Publish {
                continue;
            }
            let began = *self.began.get_or_insert_with(Instant::now);
            let seconds = began.elapsed().as_secs_f64();
            self.churn(seconds);
            self.drop_sockets(seconds);
            self.storm();
        }
    }

    /// Lets as many sockets leave as are due after `seconds`. Each is tried at most once; those that are not ready are
    /// skipped.
    fn churn(&mut self, seconds: f64) {
        let state = &self.fleet.state;
        let due = state.plan.churn / f64::from(state.workers) * seconds;
        let sockets = self.fleet.sockets();
        for _ in 0..sockets {
            if self.left >= due {
                break;
            }
            self.last_left = (self.last_left + 1) % sockets;
            let auditor = &mut self.fleet.context.borrow_mut().auditor;
            if auditor.leave(self.last_left) {
                self.left += 1.0;
            }
        }
    }

    /// Drops as many sockets as are due after `seconds`. Each is tried at most once; those that are not ready are skipped.
    fn drop_sockets(&mut self, seconds: f64) {
        let state = &self.fleet.state;
        let due = state.plan.drops / f64::from(state.workers) * seconds;
        let sockets = self.fleet.sockets();
        for _ in 0..sockets {
            if self.dropped >= due {
                break;
            }
            self.last_dropped = (self.last_dropped + 1) % sockets;
            // Every second socket is reset; in the next round it is the other half.
            let reset = !(self.last_dropped + self.rounds).is_multiple_of(2);
            if self.fleet.drop_one(self.last_dropped, reset) {
                self.dropped += 1.0;
            }
            self.rounds += usize::from(self.last_dropped == 0);
        }
    }

    /// Starts the planned storm when it is due, and one that was asked for with a key.
    fn storm(&mut self) {
        let state = &self.fleet.state;
        let planned = state.plan.storm;
        if let Some(storm) = planned
            && !self.planned_storm_done
            && state.clock.now_ns() >= state.storm_at_ns.load(SeqCst)
        {
            self.planned_storm_done = true;
            self.fleet.storm(storm.reset);
        }
        let asked = state.storms.load(SeqCst);
        if std::mem::replace(&mut self.storms_done, asked) != asked {
            self.fleet.storm(planned.is_none_or(|storm| storm.reset));
        }
    }
}
