//! Opens and closes the sockets of one worker as the stages of the run say.

use super::fleet::Fleet;
use crate::plan::phase::Phase;
use std::convert::Infallible;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;
use tokio::time::{MissedTickBehavior, interval};

/// How often the driver checks what is due.
const CHECK_EVERY: Duration = Duration::from_millis(10);

/// Opens the sockets with the lowest numbers, in order, and closes those with the highest first.
pub(super) struct StageDriver<'a> {
    fleet: &'a Fleet,
    /// The stage that was reached.
    stage: usize,
    /// Number of sockets of this worker that have been opened and are to stay.
    open: usize,
    /// Sockets that are to be closed, but are not ready yet.
    leaving: Vec<usize>,
}

impl<'a> StageDriver<'a> {
    pub(super) fn new(fleet: &'a Fleet) -> Self {
        Self {
            fleet,
            stage: 0,
            open: 0,
            leaving: Vec::new(),
        }
    }

    /// Never returns. Does nothing before and after publishing.
    pub(super) async fn run(mut self) -> Infallible {
        let mut tick = interval(CHECK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            if *self.fleet.state.phase.borrow() == Phase::Publish {
                self.advance();
            }
        }
    }

    /// Opens and closes what is due. The end of no stage is skipped, however short it is.
    fn advance(&mut self) {
        let run = &self.fleet.state;
        let now_ns = run.clock.now_ns();
        if now_ns < run.begin_ns.load(SeqCst) {
            return;
        }
        let stages = &run.plan.stages;
        let elapsed = run.since_begin(now_ns);
        let stage = stages.at(elapsed);
        while self.stage < stage {
            self.move_to(stages.connections_after(self.stage));
            self.stage += 1;
        }
        self.move_to(stages.connections_at(stage, elapsed));
        self.leaving.retain(|&local| !leave(self.fleet, local));
    }

    /// Opens or closes sockets until the run has this many.
    fn move_to(&mut self, connections: u32) {
        let state = &self.fleet.state;
        let worker = self.fleet.context.borrow().auditor.conn(0);
        // Socket `local` of this worker is socket `worker + local * workers` of the run.
        let wanted = connections.saturating_sub(worker).div_ceil(state.workers) as usize;
        while self.open > wanted {
            self.open -= 1;
            if !leave(self.fleet, self.open) {
                self.leaving.push(self.open);
            }
        }
        while self.open < wanted {
            // It may still be closing from an earlier stage.
            if self.leaving.contains(&self.open) || !self.fleet.has_ended(self.open) {
                break;
            }
            self.fleet.launch(self.open, Duration::ZERO);
            state.openings.fetch_add(1, SeqCst);
            self.open += 1;
        }
    }
}

/// Lets a socket leave. Returns `false` if that must be tried again, because it is still being opened.
fn leave(fleet: &Fleet, local: usize) -> bool {
    fleet.context.borrow_mut().auditor.leave(local) || fleet.has_ended(local)
}
