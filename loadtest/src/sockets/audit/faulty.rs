//! Sockets that the server must close: whether it does, when, and with which code.

use super::auditor::Auditor;
use crate::books::close_counts::CloseCounts;
use crate::books::evidence::EvidenceKind;
use crate::plan::cohort::Role;
use crate::sockets::close_cause::CloseCause;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

impl Auditor {
    /// A socket is open that the server must close.
    pub(crate) fn on_faulty(&mut self, local: usize) {
        self.counts(local).expected += 1;
    }

    /// The server has closed a socket that it had to close.
    pub(crate) fn on_faulty_closed(&mut self, local: usize, cause: &CloseCause) {
        if self.closing {
            return;
        }
        let (conn, role) = (self.conn(local), self.role(local));
        let faults_at_ns = self.state.faults_at_ns.load(SeqCst);
        let after_ns = self.state.clock.now_ns().saturating_sub(faults_at_ns);
        let (earliest, latest) = self.state.plan.cohorts.window(role);
        let expected = if role == Role::Slow { 1013 } else { 4001 };
        let counts = self.counts(local);
        counts.closed += 1;
        counts.after.record_ns(after_ns);
        let after = Duration::from_nanos(after_ns);
        let mut wrong = None;
        // The server closes a slow socket when its queue is full, so there is no time to check.
        if role != Role::Slow && after < earliest {
            counts.early += 1;
            wrong = Some("too early");
        } else if role != Role::Slow && after > latest {
            counts.late += 1;
            wrong = Some("too late");
        }
        match cause {
            CloseCause::Code(code, _) if *code == expected => counts.coded += 1,
            CloseCause::Code(..) => {
                counts.miscoded += 1;
                wrong = Some("with the wrong code");
            }
            // A Close frame cannot reach a socket whose buffers are full, or that was never upgraded. It must reach the
            // others, whose buffers have room for it.
            _ if matches!(role, Role::Slow | Role::HandshakeStall) => {}
            _ => {
                counts.miscoded += 1;
                wrong = Some("without a code");
            }
        }
        if let Some(wrong) = wrong {
            let kind = Self::kind_of(role);
            self.tally.evidence.note(kind, || {
                format!(
                    "conn {conn} ({}): closed {:.3}s after the faults started, {wrong}: {cause}",
                    role.name(),
                    after.as_secs_f64()
                )
            });
        }
    }

    pub(super) fn kind_of(role: Role) -> EvidenceKind {
        if role == Role::Slow {
            EvidenceKind::Slow
        } else {
            EvidenceKind::Heartbeat
        }
    }

    pub(super) fn counts(&mut self, local: usize) -> &mut CloseCounts {
        match self.role(local) {
            Role::Slow => &mut self.tally.slow,
            _ => &mut self.tally.unresponsive,
        }
    }

    /// How a socket behaves once the faults start.
    pub(crate) fn role(&self, local: usize) -> Role {
        self.state.plan.role(self.conn(local))
    }
}
