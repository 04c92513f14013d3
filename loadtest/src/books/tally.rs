//! What workers and publishers have counted since their last report.

use super::classes::{Classes, merge_classes};
use super::close_counts::CloseCounts;
use super::evidence::{Evidence, EvidenceKind};
use super::stage_tally::{StageDeliveries, StagePublications};
use crate::measure::connection_latency;
use crate::measure::latency::Latency;
use crate::result::run_result::WorstConnection;

/// Counts of one worker, or the sum of several.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerTally {
    /// Sockets that became ready: all their subscriptions were confirmed.
    pub(crate) opened: u64,
    /// Sockets that did not become ready, by class.
    pub(crate) connect_failed: Classes,
    /// Ready sockets that ended before the tester closed them, by cause.
    pub(crate) closed: Classes,
    /// Deliveries, without duplicates.
    pub(crate) received: u64,
    /// Publications that were accepted, but never reached a subscription that stayed: silent loss.
    pub(crate) lost: u64,
    /// Publications that did not arrive, as the server had declared, or because their socket was closed.
    pub(crate) declared: u64,
    /// Publications that gap notices declared missing, although they arrived or never were.
    pub(crate) gap_excess: u64,
    /// Messages received more than once.
    pub(crate) duplicates: u64,
    /// Messages received after a later one of the same stream.
    pub(crate) reorders: u64,
    /// Messages of a channel, stream or run that the socket is not subscribed to.
    pub(crate) foreign: u64,
    /// Messages that are not part of the protocol, or lack a stamp.
    pub(crate) malformed: u64,
    /// Errors sent by the server after the socket was ready.
    pub(crate) errors: u64,
    /// Events of the server's own channels, such as a coming shutdown.
    pub(crate) notices: u64,
    /// `user_joined` messages.
    pub(crate) announced: u64,
    /// Pings received.
    pub(crate) pings: u64,
    /// Time from the start of a connect until all subscriptions are confirmed.
    pub(crate) ready: Latency,
    /// Time from when a publication was due until it is received.
    pub(crate) delivery: Latency,
    /// Time from when a publication was sent until it is received.
    pub(crate) transit: Latency,
    /// Delivery latency of healthy sockets before and after the faults start.
    pub(crate) before: Latency,
    pub(crate) after: Latency,
    /// Sockets that became unresponsive.
    pub(crate) unresponsive: CloseCounts,
    /// Sockets that read too slowly or not at all.
    pub(crate) slow: CloseCounts,
    /// Sockets that unsubscribed, closed and are to reconnect.
    pub(crate) churned: u64,
    /// Sockets that were still waiting for an unsubscribe reply at the end.
    pub(crate) stuck: u64,
    /// Sockets that the tester dropped.
    pub(crate) dropped: u64,
    /// Accepted publications that these sockets had not received yet when they were dropped.
    pub(crate) in_flight: u64,
    /// Subscriptions that resumed from their position, and those that the server could not resume.
    pub(crate) recovered: u64,
    pub(crate) refused_recoveries: u64,
    /// Resumed subscriptions whose reply names a wrong end of the replay.
    pub(crate) wrong_recoveries: u64,
    /// Time from the drop until the socket is ready again.
    pub(crate) returned: Latency,
    /// Protocol violations that were tried.
    pub(crate) attacks: u64,
    /// Of those, the ones that the server did not answer as it must.
    pub(crate) attacks_wrong: u64,
    /// Deliveries by stage.
    pub(crate) stages: StageDeliveries,
    /// The connections with the highest latencies; only in the last report.
    pub(crate) worst: Vec<WorstConnection>,
    /// How late the worker's event loop woke up.
    pub(crate) loop_lag: Latency,
    /// Evidence of failures.
    pub(crate) evidence: Evidence,
}

impl WorkerTally {
    /// Counts a publication that was lost silently.
    pub(crate) fn lose(&mut self, evidence: impl FnOnce() -> String) {
        self.lost += 1;
        self.evidence.note(EvidenceKind::Loss, evidence);
    }

    /// Adds another tally.
    pub(crate) fn merge(&mut self, other: Self) {
        self.opened += other.opened;
        merge_classes(&mut self.connect_failed, other.connect_failed);
        merge_classes(&mut self.closed, other.closed);
        self.received += other.received;
        self.lost += other.lost;
        self.declared += other.declared;
        self.gap_excess += other.gap_excess;
        self.duplicates += other.duplicates;
        self.reorders += other.reorders;
        self.foreign += other.foreign;
        self.malformed += other.malformed;
        self.errors += other.errors;
        self.notices += other.notices;
        self.announced += other.announced;
        self.pings += other.pings;
        self.ready.merge(&other.ready);
        self.delivery.merge(&other.delivery);
        self.transit.merge(&other.transit);
        self.before.merge(&other.before);
        self.after.merge(&other.after);
        self.unresponsive.merge(&other.unresponsive);
        self.slow.merge(&other.slow);
        self.churned += other.churned;
        self.stuck += other.stuck;
        self.dropped += other.dropped;
        self.in_flight += other.in_flight;
        self.recovered += other.recovered;
        self.refused_recoveries += other.refused_recoveries;
        self.wrong_recoveries += other.wrong_recoveries;
        self.returned.merge(&other.returned);
        self.attacks += other.attacks;
        self.attacks_wrong += other.attacks_wrong;
        self.loop_lag.merge(&other.loop_lag);
        self.stages.merge(other.stages);
        self.worst.extend(other.worst);
        self.worst = connection_latency::rank(std::mem::take(&mut self.worst));
        self.evidence.merge(other.evidence);
    }
}

/// Counts of one publisher, or the sum of several.
#[derive(Clone, Debug, Default)]
pub(crate) struct PublisherTally {
    /// Publications that the server accepted.
    pub(crate) accepted: u64,
    /// Publications that the server did not accept, or whose response was lost, by class.
    pub(crate) failed: Classes,
    /// Of those, the ones whose response was lost.
    pub(crate) uncertain: u64,
    /// Expected deliveries: for each accepted publication, all subscribers that its channel ever had.
    pub(crate) expected: u64,
    /// Deliveries that may arrive or not, because the response to their publication was lost.
    pub(crate) uncertain_deliveries: u64,
    /// Responses whose number of subscribers differs from the tester's.
    pub(crate) mismatches: u64,
    /// Responses whose number of subscribers was compared.
    pub(crate) cross_checked: u64,
    /// Time from when a publication was due until the server's response.
    pub(crate) ack: Latency,
    /// How late the tester itself was: the time from when a publication was due and its publisher was free until it was
    /// sent.
    pub(crate) lag: Latency,
    /// Accepted publications by stage.
    pub(crate) stages: StagePublications,
    /// Evidence of failures.
    pub(crate) evidence: Evidence,
}

impl PublisherTally {
    /// Counts a publication that the server accepted. `stage` is the one in which it was due, if the run has stages.
    pub(crate) fn accept(&mut self, stage: Option<usize>) {
        self.accepted += 1;
        if let Some(stage) = stage {
            self.stages.count(stage);
        }
    }

    /// Adds another tally.
    pub(crate) fn merge(&mut self, other: Self) {
        self.accepted += other.accepted;
        merge_classes(&mut self.failed, other.failed);
        self.uncertain += other.uncertain;
        self.expected += other.expected;
        self.uncertain_deliveries += other.uncertain_deliveries;
        self.mismatches += other.mismatches;
        self.cross_checked += other.cross_checked;
        self.ack.merge(&other.ack);
        self.lag.merge(&other.lag);
        self.stages.merge(other.stages);
        self.evidence.merge(other.evidence);
    }
}

/// What threads report to the conductor, over one bounded channel.
#[derive(Debug)]
pub(crate) enum TallyReport {
    /// From a worker: several times per second, and when it ends.
    Worker(Box<WorkerTally>),
    /// From a publisher, at the same times.
    Publisher(Box<PublisherTally>),
    /// From a thread that had to stop.
    Error(String),
}
