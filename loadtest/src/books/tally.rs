//! What workers and publishers counted since they last reported.

use super::evidence::Evidence;
use crate::measure::connection_latency;
use crate::measure::latency::Latency;
use crate::result::run_result::WorstConnection;
use std::collections::BTreeMap;

/// Failures by class.
pub(crate) type Classes = BTreeMap<String, u64>;

/// What became of the sockets that the server had to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct CloseCounts {
    /// How many there were.
    pub(crate) expected: u64,
    /// How many the server ended.
    pub(crate) closed: u64,
    /// Of those, before they could be known to be dead.
    pub(crate) early: u64,
    /// Of those, after the last moment.
    pub(crate) late: u64,
    /// Of those, with the right close code.
    pub(crate) coded: u64,
    /// Of those, with a close code that says something else, or without one where there was place for it.
    pub(crate) miscoded: u64,
    /// From turning bad to the end.
    pub(crate) after: Latency,
}

impl CloseCounts {
    fn merge(&mut self, other: &Self) {
        self.expected += other.expected;
        self.closed += other.closed;
        self.early += other.early;
        self.late += other.late;
        self.coded += other.coded;
        self.miscoded += other.miscoded;
        self.after.merge(&other.after);
    }
}

/// Counted by one worker, and their sum.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerTally {
    /// Sockets that became ready (all subscriptions confirmed).
    pub(crate) opened: u64,
    /// Sockets that did not become ready, by class.
    pub(crate) connect_failed: Classes,
    /// Ready sockets that ended before the tester closed them, by class.
    pub(crate) closed: Classes,
    /// Distinct stamped messages received.
    pub(crate) received: u64,
    /// Numbers that never came to a living subscription although the server accepted them.
    pub(crate) lost: u64,
    /// Numbers that subscriptions of closed sockets did not get.
    pub(crate) declared: u64,
    /// Received again.
    pub(crate) duplicates: u64,
    /// Received after a later one.
    pub(crate) reorders: u64,
    /// Of a channel, stream or run that is not the socket's own.
    pub(crate) foreign: u64,
    /// No message of this protocol, or without a stamp.
    pub(crate) malformed: u64,
    /// Complaints of the server after the socket was ready.
    pub(crate) errors: u64,
    /// Events of the server's own channels, such as a coming shutdown.
    pub(crate) notices: u64,
    /// Others who joined a room, told to its members.
    pub(crate) announced: u64,
    /// Pings answered.
    pub(crate) pings: u64,
    /// From the start of a connect to the last confirmation.
    pub(crate) ready: Latency,
    /// From when a publication was due to its receipt.
    pub(crate) delivery: Latency,
    /// From when a publication was sent to its receipt.
    pub(crate) transit: Latency,
    /// Deliveries to healthy sockets before and after the slow ones turned slow.
    pub(crate) before: Latency,
    pub(crate) after: Latency,
    /// Sockets that fell silent.
    pub(crate) unresponsive: CloseCounts,
    /// Sockets that read too slowly.
    pub(crate) slow: CloseCounts,
    /// Sockets that left properly and came back.
    pub(crate) churned: u64,
    /// Sockets that still waited for their unsubscribing to be confirmed at the end.
    pub(crate) stuck: u64,
    /// Sockets that the tester dropped in a storm.
    pub(crate) dropped: u64,
    /// Publications that were on their way to them, and are owed to nobody.
    pub(crate) in_flight: u64,
    /// Subscriptions that went on from their position, and those that could not.
    pub(crate) recovered: u64,
    pub(crate) refused_recoveries: u64,
    /// Of the former, those whose reply does not say where the replay ends.
    pub(crate) wrong_recoveries: u64,
    /// From the drop to being ready again.
    pub(crate) returned: Latency,
    /// Clients that broke the protocol.
    pub(crate) attacks: u64,
    /// Of those, the ones that were not answered as they must be.
    pub(crate) attacks_wrong: u64,
    /// The worst-served connections; known at the end.
    pub(crate) worst: Vec<WorstConnection>,
    /// How late the worker's loop woke.
    pub(crate) loop_lag: Latency,
    /// The first failures.
    pub(crate) evidence: Evidence,
}

impl WorkerTally {
    /// Adds what another counted.
    pub(crate) fn merge(&mut self, other: Self) {
        self.opened += other.opened;
        merge_classes(&mut self.connect_failed, other.connect_failed);
        merge_classes(&mut self.closed, other.closed);
        self.received += other.received;
        self.lost += other.lost;
        self.declared += other.declared;
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
        self.worst.extend(other.worst);
        self.worst = connection_latency::rank(std::mem::take(&mut self.worst));
        self.evidence.merge(other.evidence);
    }
}

/// Counted by one publisher, and their sum.
#[derive(Clone, Debug, Default)]
pub(crate) struct PublisherTally {
    /// Publications the server accepted.
    pub(crate) accepted: u64,
    /// Publications it did not accept, or whose reply was lost, by class.
    pub(crate) failed: Classes,
    /// Of those, the ones whose fate is unknown.
    pub(crate) uncertain: u64,
    /// Deliveries the accepted ones are due: all subscribers the channel ever had, summed.
    pub(crate) expected: u64,
    /// Replies whose number of subscribers was not the tester's own.
    pub(crate) mismatches: u64,
    /// Replies that named a number of subscribers.
    pub(crate) cross_checked: u64,
    /// From when a publication was due to the server's reply.
    pub(crate) ack: Latency,
    /// How late the tester itself was: from when a publication was due, or its publisher free if that was later,
    /// to when it was sent.
    pub(crate) lag: Latency,
    /// The first failures.
    pub(crate) evidence: Evidence,
}

impl PublisherTally {
    /// Adds what another counted.
    pub(crate) fn merge(&mut self, other: Self) {
        self.accepted += other.accepted;
        merge_classes(&mut self.failed, other.failed);
        self.uncertain += other.uncertain;
        self.expected += other.expected;
        self.mismatches += other.mismatches;
        self.cross_checked += other.cross_checked;
        self.ack.merge(&other.ack);
        self.lag.merge(&other.lag);
        self.evidence.merge(other.evidence);
    }
}

/// What travels to the reporter, over one bounded channel.
#[derive(Debug)]
pub(crate) enum TallyReport {
    /// From a worker, about once a second and when it ends.
    Worker(Box<WorkerTally>),
    /// From a publisher, likewise.
    Publisher(Box<PublisherTally>),
    /// From a thread that could not go on.
    Error(String),
}

/// Counts one more of a class.
pub(crate) fn count_class(classes: &mut Classes, class: impl Into<String>) {
    *classes.entry(class.into()).or_default() += 1;
}

/// The sum over all classes.
pub(crate) fn total(classes: &Classes) -> u64 {
    classes.values().sum()
}

/// `3 http 503, 1 timeout in upgrade`; empty when there are none.
pub(crate) fn describe(classes: &Classes) -> String {
    let parts: Vec<String> = classes
        .iter()
        .map(|(class, count)| format!("{count} {class}"))
        .collect();
    parts.join(", ")
}

fn merge_classes(into: &mut Classes, from: Classes) {
    for (class, count) in from {
        *into.entry(class).or_default() += count;
    }
}
