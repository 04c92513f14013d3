//! Samples the process of the server during the run.

use super::process::ProcessSample;
use super::regression;
use super::server_stats::ServerStats;
use crate::base::target::Target;
use crate::result::run_result::Server;
use std::time::{Duration, Instant};

/// Time between two samples during the ramp, which give the memory per connection. Later a sample is taken per second.
const RAMP_EVERY: Duration = Duration::from_millis(100);
/// A ramp with fewer connections gives no memory per connection.
const MIN_RAMP: f64 = 200.0;
/// How long the server may take to release everything after the run.
const TEARDOWN: Duration = Duration::from_secs(5);
/// Memory that the allocator may keep, in addition to a tenth of the baseline.
const RSS_SLACK_KIB: u64 = 32 * 1024;
/// Memory that the allocator may keep per connection that there was.
const RSS_SLACK_KIB_PER_CONN: u64 = 8;
/// How many more file descriptors there may be: keep-alive connections of publishers, for example.
const FDS_SLACK: u64 = 40;

/// Collects the samples of a run.
#[derive(Debug)]
pub(crate) struct Sampler {
    pid: Option<u32>,
    before: Option<ProcessSample>,
    stats_before: Option<ServerStats>,
    /// Whether memory that is kept is a leak. It is not in a process that collects garbage.
    judges_memory: bool,
    last: Option<(Instant, ProcessSample)>,
    last_ramp_sample: Instant,
    /// Connections and resident memory in KiB, during the ramp.
    ramp: Vec<(f64, f64)>,
    /// Time in hours and resident memory in KiB, while publishing.
    steady: Vec<(f64, f64)>,
    begin: Instant,
    first: Instant,
    seen: Server,
}

impl Sampler {
    /// Takes the baseline. `None` as `pid` means that the process is not watched, `None` as `api` that it is not Wavecast.
    pub(crate) fn start(pid: Option<u32>, api: Option<&Target>) -> Self {
        let now = Instant::now();
        let before = pid.and_then(ProcessSample::take);
        Self {
            pid,
            before,
            stats_before: api.and_then(ServerStats::fetch),
            judges_memory: api.is_some(),
            last: before.map(|sample| (now, sample)),
            last_ramp_sample: now,
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

    /// Records memory and number of connections; to be called often during the ramp.
    pub(crate) fn ramp(&mut self, open: u32) {
        if self.last_ramp_sample.elapsed() < RAMP_EVERY {
            return;
        }
        self.last_ramp_sample = Instant::now();
        if let Some(sample) = self.pid.and_then(ProcessSample::take) {
            self.ramp.push((f64::from(open), sample.rss_kib as f64));
        }
    }

    /// Takes a sample; to be called once per second. Returns it with the cores used since the last one.
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

    /// Slow consumers evicted since the start, by the server's own count. `None` if it does not count them.
    pub(crate) fn evictions(&self, api: &Target) -> Option<u64> {
        let before = self.stats_before?.slow_consumers?;
        Some(
            ServerStats::fetch(api)?
                .slow_consumers?
                .saturating_sub(before),
        )
    }

    /// Waits, at most [`TEARDOWN`], until the server has released everything, and reports what it has not. To be called after
    /// the last connection was closed. `None` if the server is not watched.
    pub(crate) fn finish(mut self, api: &Target, peak: u32) -> Option<Server> {
        let (pid, before) = (self.pid?, self.before?);
        self.second(false);
        let deadline = Instant::now() + TEARDOWN;
        let leaks = loop {
            let leaks = leaks(
                &before,
                ProcessSample::take(pid).as_ref(),
                self.stats_before
                    .and_then(|before| Some((before, ServerStats::fetch(api)?))),
                self.judges_memory.then_some(peak),
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
            rss_slope_kib_per_h: regression::hourly_growth(&self.steady),
            leaks,
            ..self.seen
        })
    }
}

fn leaks(
    before: &ProcessSample,
    after: Option<&ProcessSample>,
    stats: Option<(ServerStats, ServerStats)>,
    peak: Option<u32>,
) -> Vec<String> {
    let Some(after) = after else {
        return vec!["the server process is gone".to_owned()];
    };
    let mut leaks = Vec::new();
    let mut grown = |what: &str, before: u64, after: u64, slack: u64| {
        if after > before + slack {
            leaks.push(format!("{what}: {before} before, {after} after"));
        }
    };
    grown("descriptors", before.fds, after.fds, FDS_SLACK);
    if let Some(peak) = peak {
        let slack = before.rss_kib / 10 + RSS_SLACK_KIB + RSS_SLACK_KIB_PER_CONN * u64::from(peak);
        grown("resident KiB", before.rss_kib, after.rss_kib, slack);
    }
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
    fn names_what_was_not_released() {
        let before = ProcessSample {
            rss_kib: 10_000,
            fds: 20,
            ..ProcessSample::default()
        };
        assert_eq!(leaks(&before, Some(&before), None, Some(0)), [""; 0]);
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
                Some(0)
            ),
            [
                "descriptors: 20 before, 70 after",
                "connections: 0 before, 1 after"
            ]
        );
        assert_eq!(leaks(&before, None, None, Some(0)).len(), 1);
    }
}
