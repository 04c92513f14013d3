//! A publisher: a thread that posts its share of the publications when they are due.
//!
//! The schedule is open loop: a publisher that was held up posts what is overdue at once, and latency counts from when it
//! was due. It waits for each response, so its publications reach the server in order.

use super::run_state::RunState;
use crate::books::classes::count_class;
use crate::books::evidence::EvidenceKind;
use crate::books::tally::{PublisherTally, TallyReport};
use crate::plan::schedule::CHECK_EVERY;
use crate::wire::http_client::{HttpClient, RequestError};
use crate::wire::json;
use crate::wire::stamp::{self, Stamp};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

/// How long to wait for a response.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a publisher reports.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// Publisher `index` of the run.
pub(crate) struct Publisher {
    state: Arc<RunState>,
    index: u32,
    client: HttpClient,
    /// The last sequence number used, by channel.
    last_seq: Vec<u64>,
    tally: PublisherTally,
    reports: Sender<TallyReport>,
    body: Vec<u8>,
}

impl Publisher {
    pub(crate) fn new(state: Arc<RunState>, index: u32, reports: Sender<TallyReport>) -> Self {
        Self {
            client: HttpClient::new(state.api.clone(), ACK_TIMEOUT),
            last_seq: vec![0; state.plan.channels as usize],
            state,
            index,
            tally: PublisherTally::default(),
            reports,
            body: Vec::new(),
        }
    }

    /// Posts its share of the schedule. Returns early if `stop` is disconnected, and at `give_up`.
    pub(crate) fn run(mut self, give_up: Instant, stop: &Receiver<()>) {
        // If this fails, the first publication fails too, and is counted.
        let _ = self.client.connect();
        let state = Arc::clone(&self.state);
        let plan = &state.plan;
        let mut free_ns = 0;
        let mut reported = Instant::now();
        let end_ns = state.schedule.end_ns();
        let mut n = u64::from(self.index);
        loop {
            let now_ns = state.clock.now_ns();
            let due_ns = state.schedule.due_ns(n);
            if due_ns.is_none() && now_ns >= end_ns {
                break;
            }
            let look_ns = now_ns + CHECK_EVERY.as_nanos() as u64;
            let wake_ns = due_ns.unwrap_or(end_ns).min(look_ns);
            match stop.recv_deadline(state.clock.instant(wake_ns)) {
                Err(RecvTimeoutError::Timeout) if Instant::now() < give_up => {}
                _ => break,
            }
            let Some(intended_ns) = due_ns.filter(|&due_ns| due_ns == wake_ns) else {
                continue;
            };
            free_ns = self.publish(plan.channel_of(n), intended_ns, free_ns);
            n += u64::from(plan.publishers);
            if reported.elapsed() >= REPORT_EVERY {
                reported = Instant::now();
                let report = TallyReport::Publisher(Box::new(std::mem::take(&mut self.tally)));
                if let Err(TallyReport::Publisher(tally)) = self
                    .reports
                    .try_send(report)
                    .map_err(TrySendError::into_inner)
                {
                    self.tally = *tally;
                }
            }
        }
        let report = TallyReport::Publisher(Box::new(self.tally));
        // If the conductor is gone, nobody needs the report.
        let _ = self.reports.send_timeout(report, Duration::from_secs(5));
        state.publishers_done.fetch_add(1, SeqCst);
    }

    /// Posts a publication. `free_ns` is when the publisher became free; returns when it is free again.
    fn publish(&mut self, channel: u32, intended_ns: u64, free_ns: u64) -> u64 {
        let state = Arc::clone(&self.state);
        let ledger = &state.ledger;
        let stream = state
            .plan
            .stream(channel, self.index)
            .expect("the schedule only has pairs that occur");
        let seq = self.last_seq[channel as usize] + 1;
        let (departures, subscribers) = (ledger.departures(), ledger.subscribers(channel));
        ledger.sending(stream, seq);
        let sent_ns = state.clock.now_ns();
        self.compose(channel, seq, intended_ns, sent_ns);
        self.tally
            .lag
            .record_ns(sent_ns - sent_ns.min(intended_ns.max(free_ns)));
        let result = self.client.send("POST", "/api/events", &self.body);
        let now_ns = state.clock.now_ns();
        match result {
            Ok(reply) if (200..300).contains(&reply.status) => {
                ledger.accepted(stream, seq);
                self.last_seq[channel as usize] = seq;
                self.tally.accepted += 1;
                self.tally.expected += u64::from(ledger.subscribers_ever(channel));
                self.tally.ack.record_ns(now_ns - intended_ns);
                if state.is_steady() && departures == ledger.departures() {
                    self.cross_check(channel, &reply.body, subscribers);
                }
            }
            Ok(reply) => {
                ledger.refused(stream, seq);
                self.last_seq[channel as usize] = seq;
                count_class(&mut self.tally.failed, format!("http {}", reply.status));
            }
            Err(error) => {
                if matches!(error, RequestError::ReplyLost(_)) {
                    ledger.uncertain(stream, seq);
                    self.last_seq[channel as usize] = seq;
                    self.tally.uncertain += 1;
                    self.tally.uncertain_deliveries += u64::from(ledger.subscribers_ever(channel));
                }
                count_class(&mut self.tally.failed, error.to_string());
            }
        }
        now_ns
    }

    /// Builds the request body.
    fn compose(&mut self, channel: u32, seq: u64, intended_ns: u64, sent_ns: u64) {
        let plan = &self.state.plan;
        let name = plan.channel_name(channel);
        self.body.clear();
        self.body.extend_from_slice(br#"{"channel":""#);
        self.body.extend_from_slice(name.as_bytes());
        self.body.extend_from_slice(br#"","data":"#);
        let stamp = Stamp {
            run: plan.run.into(),
            publisher: self.index.into(),
            channel: channel.into(),
            seq,
            intended_ns,
            sent_ns,
            offset: 0,
        };
        stamp::append(&mut self.body, &stamp, plan.payload_bytes as usize);
        self.body.push(b'}');
    }

    /// Compares the number of subscribers in a response with the tester's own.
    fn cross_check(&mut self, channel: u32, body: &[u8], subscribers: u32) {
        let mut answered = None;
        json::members(body, |key, value| {
            if key == b"subscribers" {
                answered = json::integer(value);
            }
        });
        let Some(answered) = answered else { return };
        self.tally.cross_checked += 1;
        if answered < u64::from(subscribers) {
            self.state.ledger.undercount(channel, answered);
        } else if answered > u64::from(subscribers) {
            self.tally.mismatches += 1;
            let name = self.state.plan.channel_name(channel);
            self.tally.evidence.note(EvidenceKind::Subscribers, || {
                format!(
                    "publication to {name}: the server counted {answered} subscribers, the tester {subscribers}"
                )
            });
        }
    }
}
