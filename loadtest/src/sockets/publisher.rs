//! A publisher: a thread that posts its share of the publications when they are due.
//!
//! The schedule is open loop: a publisher that was held up posts what is overdue at once, and latency counts from when it
//! was due. It waits for each response, so its publications reach the server in order.

use super::run_state::RunState;
use super::socket_publisher::SocketPublisher;
use crate::books::classes::count_class;
use crate::books::evidence::EvidenceKind;
use crate::books::tally::{PublisherTally, TallyReport};
use crate::dialect::hub_dialect::says;
use crate::dialect::target_file::Via;
use crate::dialect::template::Values;
use crate::plan::schedule::CHECK_EVERY;
use crate::wire::http_client::{HttpClient, Reply, RequestError};
use crate::wire::json;
use crate::wire::stamp::{self, Stamp};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// How long to wait for a response.
const ACK_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a publisher reports.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// Publisher `index` of the run.
pub(crate) struct Publisher {
    state: Arc<RunState>,
    index: u32,
    route: Route,
    /// The last sequence number used, by channel.
    last_seq: Vec<u64>,
    tally: PublisherTally,
    reports: Sender<TallyReport>,
    payload: Vec<u8>,
    body: Vec<u8>,
}

/// The way of the publications.
enum Route {
    Http(Box<HttpClient>),
    Socket(Box<SocketPublisher>),
}

impl Route {
    fn new(state: &Arc<RunState>) -> Self {
        let via = state.dialect.as_ref().map(|own| own.file.publish.via);
        if via == Some(Via::Socket) {
            return Self::Socket(Box::new(SocketPublisher::new(
                Arc::clone(state),
                ACK_TIMEOUT,
            )));
        }
        let client = HttpClient::new(state.api.clone(), ACK_TIMEOUT);
        Self::Http(Box::new(
            client.with_headers(&state.credentials.publish_headers),
        ))
    }
}

impl Publisher {
    pub(crate) fn new(state: Arc<RunState>, index: u32, reports: Sender<TallyReport>) -> Self {
        Self {
            route: Route::new(&state),
            last_seq: vec![0; state.plan.channels as usize],
            state,
            index,
            tally: PublisherTally::default(),
            reports,
            payload: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Posts its share of the schedule. Returns early if `stop` is disconnected, and at `give_up`.
    pub(crate) fn run(mut self, give_up: Instant, stop: &Receiver<()>) {
        // If this fails, the first publication fails too, and is counted.
        let state = Arc::clone(&self.state);
        let _ = match (&mut self.route, &state.dialect) {
            (Route::Socket(own), Some(dialect)) => own.connect(dialect),
            (Route::Http(client), _) => client.connect(),
            _ => Ok(()),
        };
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
            if let (Route::Socket(own), Some(dialect)) = (&mut self.route, &state.dialect) {
                own.idle(dialect);
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
        let result = self.send(channel);
        let now_ns = state.clock.now_ns();
        let rejected = state.dialect.as_ref();
        let rejected = rejected.and_then(|own| own.file.publish.rejected.as_deref());
        let is_rejected = |body: &[u8]| rejected.is_some_and(|text| says(body, text));
        match result {
            Ok(reply) if (200..300).contains(&reply.status) && !is_rejected(&reply.body) => {
                ledger.accepted(stream, seq);
                self.last_seq[channel as usize] = seq;
                self.tally.accept(state.stage_at(intended_ns));
                self.tally.expected += u64::from(ledger.subscribers_ever(channel));
                self.tally.ack.record_ns(now_ns - intended_ns);
                if state.is_steady() && departures == ledger.departures() {
                    self.cross_check(channel, &reply.body, subscribers);
                }
            }
            Ok(reply) => {
                ledger.refused(stream, seq);
                self.last_seq[channel as usize] = seq;
                let class = match reply.status {
                    200..300 => "refused in the reply".to_owned(),
                    status => format!("http {status}"),
                };
                count_class(&mut self.tally.failed, class);
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

    /// Sends what was composed.
    fn send(&mut self, channel: u32) -> Result<Reply, RequestError> {
        let state = &self.state;
        let name = state.plan.channel_name(channel);
        match (&mut self.route, &state.dialect) {
            (Route::Http(client), None) => client.send("POST", "/api/events", &self.body),
            (Route::Http(client), Some(dialect)) => {
                let name = dialect.channel_name(&name);
                let values = Values {
                    channel: &name,
                    token: &state.credentials.token,
                    ..Values::default()
                };
                let path = dialect.publish_path(&values, &self.body, unix_seconds());
                client.send("POST", &path, &self.body)
            }
            (Route::Socket(own), Some(dialect)) => {
                own.publish(dialect, &dialect.channel_name(&name), &self.payload)
            }
            (Route::Socket(_), None) => Err(RequestError::NotSent(ErrorKind::Unsupported)),
        }
    }

    /// Builds the payload and the request body.
    fn compose(&mut self, channel: u32, seq: u64, intended_ns: u64, sent_ns: u64) {
        let plan = &self.state.plan;
        let name = plan.channel_name(channel);
        let stamp = Stamp {
            run: plan.run.into(),
            publisher: self.index.into(),
            channel: channel.into(),
            seq,
            intended_ns,
            sent_ns,
            offset: 0,
        };
        self.payload.clear();
        stamp::append(&mut self.payload, &stamp, plan.payload_bytes as usize);
        self.body.clear();
        match &self.state.dialect {
            None => {
                self.body.extend_from_slice(br#"{"channel":""#);
                self.body.extend_from_slice(name.as_bytes());
                self.body.extend_from_slice(br#"","data":"#);
                self.body.extend_from_slice(&self.payload);
                self.body.push(b'}');
            }
            Some(dialect) if dialect.file.publish.via == Via::Http => {
                let values = Values {
                    channel: &dialect.channel_name(&name),
                    payload: &self.payload,
                    id: seq,
                    token: &self.state.credentials.token,
                };
                dialect.message.fill(&values, &mut self.body);
            }
            Some(_) => {}
        }
    }

    /// Compares the number of subscribers in a response with the tester's own.
    fn cross_check(&mut self, channel: u32, body: &[u8], subscribers: u32) {
        let mut answered = None;
        if let Some(dialect) = &self.state.dialect {
            let pointer = dialect.subscribers.as_ref();
            answered = pointer.and_then(|own| json::integer(own.find(body)?));
        } else {
            json::members(body, |key, value| {
                if key == b"subscribers" {
                    answered = json::integer(value);
                }
            });
        }
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

/// Seconds since 1970-01-01 UTC.
fn unix_seconds() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or_default().as_secs()
}
