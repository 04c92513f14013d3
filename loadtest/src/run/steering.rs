//! Planned faults, and the keys that change a run.

use super::conductor::Conductor;
use crate::dashboard::keys::KeyCommand;
use crate::plan::phase::Phase;
use crate::result::run_result::Mark;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

impl Conductor {
    /// Schedules the storm and the faults of the cohorts, and marks them on the time axis.
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
            let at_ns = mark(storm.at, "storm", "all sockets drop".to_owned());
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

    /// Marks the beginning of each stage on the time axis.
    pub(super) fn mark_stages(&mut self, start_ns: u64) {
        let stages = &self.state.plan.stages;
        self.record.open_after = vec![None; stages.len()];
        for (stage, from) in stages.starts().enumerate() {
            self.record.marks.push(Mark {
                at_s: (start_ns + from.as_nanos() as u64) as f64 / 1e9,
                kind: "stage".to_owned(),
                label: stages.describe(stage).0.to_owned(),
            });
        }
    }

    /// Notes how many sockets are open in the current stage. What is noted last is how many there were at its end.
    pub(super) fn observe_stage(&mut self) {
        let run = &self.state;
        let is_publishing = *run.phase.borrow() == Phase::Publish;
        let Some(stage) = run.stage_at(run.clock.now_ns()).filter(|_| is_publishing) else {
            return;
        };
        if let Some(open) = self.record.open_after.get_mut(stage) {
            *open = Some(run.open.load(SeqCst));
        }
    }

    /// Does what the user asks for with a key, if it is possible in this phase, and marks it on the time axis.
    pub(super) fn steer(&mut self, command: KeyCommand) {
        const STEP: f64 = 1.25;
        let state = &self.state;
        let now_ns = state.clock.now_ns();
        let (kind, label) = match command {
            KeyCommand::Pause => match state.schedule.toggle_pause(now_ns) {
                Some(true) => ("pause", "publishing paused".to_owned()),
                Some(false) => ("pause", "publishing resumed".to_owned()),
                None => return,
            },
            KeyCommand::Storm if *state.phase.borrow() == Phase::Publish => {
                state.storms.fetch_add(1, SeqCst);
                ("storm", "all sockets drop, by key".to_owned())
            }
            KeyCommand::Storm | KeyCommand::Quit => return,
            KeyCommand::Faster | KeyCommand::Slower => {
                let factor = if command == KeyCommand::Faster {
                    STEP
                } else {
                    1.0 / STEP
                };
                match state.schedule.scale(now_ns, factor) {
                    Some(rate) => ("rate", format!("{rate:.1} publications per second")),
                    None => return,
                }
            }
        };
        self.mark(kind, label);
    }

    /// Adds a mark at the current time.
    fn mark(&mut self, kind: &str, label: String) {
        self.record.marks.push(Mark {
            at_s: self.state.clock.now_ns() as f64 / 1e9,
            kind: kind.to_owned(),
            label,
        });
    }
}
