//! Watches the server's process while the run goes on.

use super::process::ProcessSample;
use super::regression;
use super::server_stats::ServerStats;
use crate::base::target::Target;
use crate::result::run_result::Server;
use std::time::{Duration, Instant};

/// Time between two samples while sockets are opened, for the memory of a connection; a second otherwise.
const RAMP_EVERY: Duration = Duration::from_millis(100);
/// Connections a ramp must span before its slope means anything.
const MIN_RAMP: f64 = 200.0;
/// How long the server may take to give everything back.
const TEARDOWN: Duration = Duration::from_secs(5);
/// Memory an allocator may keep, apart from a tenth of what was there.
const RSS_SLACK_KIB: u64 = 32 * 1024;
/// Memory an allocator may keep for each connection there was.
const RSS_SLACK_KIB_PER_CONN: u64 = 8;
/// Descriptors that may differ: keep-alive connections of publishers, listeners.
const FDS_SLACK: u64 = 40;

/// Belongs to the conductor.
#[derive(Debug)]
pub(crate) struct Sampler {
    pid: Option<u32>,
    before: Option<ProcessSample>,
    stats_before: Option<ServerStats>,
    last: Option<(Instant, ProcessSample)>,
    looked: Instant,
    /// Connections and resident KiB during the ramp.
    ramp: Vec<(f64, f64)>,
    /// Hours and resident KiB while the load was steady.
    steady: Vec<(f64, f64)>,
    begin: Instant,
    first: Instant,
    seen: Server,
}

impl Sampler {
    /// Takes the baseline.
    pub(crate) fn start(pid: Option<u32>, api: &Target) -> Self {
        let now = Instant::now();
        let before = pid.and_then(ProcessSample::take);
        Self {
            pid,
            before,
            stats_before: ServerStats::ask(api),
            last: before.map(|sample| (now, sample)),
            looked: now,
            ramp: Vec::new(),
            steady: Vec::new(),
            begin: now,
            first: now,
            seen: Server {
                pid: pid.unwrap_or_default(),
                ..Server::default()
            },
        }
    }

    /// During the ramp: remembers how memory grows with connections.
    pub(crate) fn ramp(&mut self, open: u32) {
        if self.looked.elapsed() < RAMP_EVERY {
            return;
        }
        self.looked = Instant::now();
        if let Some(sample) = self.pid.and_then(ProcessSample::take) {
            self.ramp.push((f64::from(open), sample.rss_kib as f64));
        }
    }

    /// Each second: the sample and the cores used since the last one.
    pub(crate) fn second(&mut self, steady: bool) -> Option<(ProcessSample, f64)> {
        let sample = ProcessSample::take(self.pid?)?;
        let now = Instant::now();
        let cpu = self.last.map_or(0.0, |(then, last)| {
            let wall = (now - then).as_secs_f64().max(0.001);
            sample.cpu.saturating_sub(last.cpu).as_secs_f64() / wall
        });
        self.last = Some((now, sample));
        let seen = &mut self.seen;
        seen.cpu_peak = seen.cpu_peak.max(cpu);
        seen.rss_peak_kib = seen.rss_peak_kib.max(sample.rss_kib);
        seen.fds_peak = seen.fds_peak.max(sample.fds);
        seen.threads_peak = seen.threads_peak.max(sample.threads);
        if steady {
            let hours = self.begin.elapsed().as_secs_f64() / 3600.0;
            self.steady.push((hours, sample.rss_kib as f64));
        }
        Some((sample, cpu))
    }

    /// Slow consumers that the server says it has evicted since the start; `None` when it does not count them.
    pub(crate) fn evictions(&self, api: &Target) -> Option<u64> {
        let before = self.stats_before?.slow_consumers?;
        Some(
            ServerStats::ask(api)?
                .slow_consumers?
                .saturating_sub(before),
        )
    }

    /// After the last socket was closed: waits until everything was given back, at most [`TEARDOWN`], and says what was not.
    /// `None` when the server is not watched.
    pub(crate) fn finish(mut self, api: &Target, peak: u32) -> Option<Server> {
        let (pid, before) = (self.pid?, self.before?);
        self.second(false);
        let deadline = Instant::now() + TEARDOWN;
        let leaks = loop {
            let leaks = leaks(
                &before,
                ProcessSample::take(pid).as_ref(),
                self.stats_before.zip(ServerStats::ask(api)),
                peak,
            );
            if leaks.is_empty() || Instant::now() >= deadline {
                break leaks;
            }
            let (_never, pause) = crossbeam_channel::bounded::<()>(0);
            let _ = pause.recv_timeout(Duration::from_millis(100));
        };
        let (until, last) = self.last?;
        let wall = (until - self.first).as_secs_f64().max(0.001);
        let widest = self.ramp.iter().fold(0.0, |most: f64, (n, _)| most.max(*n));
        Some(Server {
            cpu_avg: last.cpu.saturating_sub(before.cpu).as_secs_f64() / wall,
            kib_per_conn: regression::least_squares(&self.ramp).filter(|_| widest >= MIN_RAMP),
            rss_slope_kib_per_h: regression::theil_sen(&self.steady),
            leaks,
            ..self.seen
        })
    }
}

fn leaks(
    before: &ProcessSample,
    after: Option<&ProcessSample>,
    stats: Option<(ServerStats, ServerStats)>,
    peak: u32,
) -> Vec<String> {
    let Some(after) = after else {
        return vec!["the server's process is gone".to_owned()];
    };
    let mut leaks = Vec::new();
    let mut grown = |what: &str, before: u64, after: u64, slack: u64| {
        if after > before + slack {
            leaks.push(format!("{what}: {before} before, {after} after"));
        }
    };
    grown("descriptors", before.fds, after.fds, FDS_SLACK);
    let slack = before.rss_kib / 10 + RSS_SLACK_KIB + RSS_SLACK_KIB_PER_CONN * u64::from(peak);
    grown("resident KiB", before.rss_kib, after.rss_kib, slack);
    if let Some((before, after)) = stats {
        grown("connections", before.connections, after.connections, 0);
        grown("channels", before.channels, after.channels, 0);
        grown("rooms", before.rooms, after.rooms, 0);
    }
    leaks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_what_was_not_given_back() {
        let before = ProcessSample {
            rss_kib: 10_000,
            fds: 20,
            ..ProcessSample::default()
        };
        assert_eq!(leaks(&before, Some(&before), None, 0), [""; 0]);
        let after = ProcessSample { fds: 70, ..before };
        let stats = ServerStats {
            connections: 1,
            ..ServerStats::default()
        };
        assert_eq!(
            leaks(
                &before,
                Some(&after),
                Some((ServerStats::default(), stats)),
                0
            ),
            [
                "descriptors: 20 before, 70 after",
                "connections: 0 before, 1 after"
            ]
        );
        assert_eq!(leaks(&before, None, None, 0).len(), 1);
    }
}
