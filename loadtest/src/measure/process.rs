//! Samples of a process, from `/proc`.

use nix::sys::resource::{UsageWho, getrusage};
use std::fs;
use std::time::Duration;

/// A sample of a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProcessSample {
    /// User and system CPU time since its start.
    pub(crate) cpu: Duration,
    /// Resident memory, in KiB.
    pub(crate) rss_kib: u64,
    /// Open file descriptors.
    pub(crate) fds: u64,
    /// Number of threads.
    pub(crate) threads: u64,
}

/// Clock ticks per second in `/proc/PID/stat`; 100 on every architecture.
const TICKS: u64 = 100;

impl ProcessSample {
    /// Takes a sample. `None` if there is no such process, or it belongs to another user.
    pub(crate) fn take(pid: u32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let fds = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count() as u64;
        Self::parse(&stat, &status, fds)
    }

    fn parse(stat: &str, status: &str, fds: u64) -> Option<Self> {
        let line = |name: &str| {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name)?.split_whitespace().next())
                .and_then(|number| number.parse().ok())
        };
        Some(Self {
            cpu: cpu_of(stat)?,
            rss_kib: line("VmRSS:")?,
            fds,
            threads: line("Threads:")?,
        })
    }
}

/// User and system CPU time of this process.
pub(crate) fn cpu_time() -> Duration {
    getrusage(UsageWho::RUSAGE_SELF).map_or(Duration::ZERO, |usage| {
        [usage.user_time(), usage.system_time()]
            .iter()
            .map(|time| {
                Duration::from_secs(time.tv_sec() as u64)
                    + Duration::from_micros(time.tv_usec() as u64)
            })
            .sum()
    })
}

/// User and system CPU time of the running threads of this process whose names start with `prefix`.
pub(crate) fn thread_cpu(prefix: &str) -> Duration {
    let Ok(tasks) = fs::read_dir("/proc/self/task") else {
        return Duration::ZERO;
    };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("stat")).ok())
        .filter(|stat| {
            stat.split_once('(')
                .is_some_and(|(_, rest)| rest.starts_with(prefix))
        })
        .filter_map(|stat| cpu_of(&stat))
        .sum()
}

/// User and system CPU time in a `stat` file.
fn cpu_of(stat: &str) -> Option<Duration> {
    // The command name may contain spaces and parentheses; the numbers follow the last parenthesis.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parses_proc_files() {
        let stat =
            "42 (a (b) c) S 1 1 1 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 100 1000 500 1844";
        let status = "Name:\ta\nVmRSS:\t   21504 kB\nThreads:\t3\n";
        let sample = ProcessSample::parse(stat, status, 9).expect("all is there");
        assert_eq!(sample.cpu, Duration::from_secs(2));
        assert_eq!((sample.rss_kib, sample.fds, sample.threads), (21_504, 9, 3));
    }
}
