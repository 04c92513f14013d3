//! Trouble that is planned, and keys that change the run.

use super::conductor::Conductor;
use crate::dashboard::keys::KeyCommand;
use crate::plan::phase::Phase;
use crate::result::run_result::Mark;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

impl Conductor {
    /// Sets the times of the storm and of the cohorts, and marks them.
    pub(super) fn schedule_faults(&mut self, start_ns: u64) {
        let plan = &self.state.plan;
        let mut mark = |at: Duration, kind: &str, label: String| {
            let at_ns = start_ns + at.as_nanos() as u64;
            self.record.marks.push(Mark {
                at_s: at_ns as f64 / 1e9,
                kind: kind.to_owned(),
                label,
            });
            at_ns
        };
        if let Some(storm) = plan.storm {
            let at_ns = mark(storm.at, "storm", "everyone drops".to_owned());
            self.state.storm_at_ns.store(at_ns, SeqCst);
        }
        if !plan.cohorts.shares.is_empty() {
            let names: Vec<&str> = plan
                .cohorts
                .shares
                .iter()
                .map(|(role, _)| role.name())
                .collect();
            let at_ns = mark(plan.cohorts.at, "cohort", names.join(", "));
            self.state.faults_at_ns.store(at_ns, SeqCst);
        }
    }

    /// Does what a key asks for, as far as the run allows it now, and marks it.
    pub(super) fn steer(&mut self, command: KeyCommand) {
        const STEP: f64 = 1.25;
        let state = &self.state;
        let now_ns = state.clock.now_ns();
        let (kind, label) = match command {
            KeyCommand::Pause => match state.schedule.toggle_pause(now_ns) {
                Some(true) => ("pause", "nothing is published".to_owned()),
                Some(false) => ("pause", "over".to_owned()),
                None => return,
            },
            KeyCommand::Storm if *state.phase.borrow() == Phase::Publish => {
                state.storms.fetch_add(1, SeqCst);
                ("storm", "everyone drops, asked for".to_owned())
            }
            KeyCommand::Storm | KeyCommand::Quit => return,
            KeyCommand::Faster | KeyCommand::Slower => {
                let factor = if command == KeyCommand::Faster {
                    STEP
                } else {
                    1.0 / STEP
                };
                match state.schedule.scale(now_ns, factor) {
                    Some(rate) => ("rate", format!("{rate:.1} publications a second")),
                    None => return,
                }
            }
        };
        self.mark(kind, label);
    }

    /// Marks what happens now.
    fn mark(&mut self, kind: &str, label: String) {
        self.record.marks.push(Mark {
            at_s: self.state.clock.now_ns() as f64 / 1e9,
            kind: kind.to_owned(),
            label,
        });
    }
}
