//! What `/proc` says about a process.

use nix::sys::resource::{UsageWho, getrusage};
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;
use std::time::Duration;

/// The `--server-pid` flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerPid {
    /// Whoever listens on the target's port, if it is on this machine and may be looked at.
    Auto,
    /// This one.
    Pid(u32),
    /// None.
    Unwatched,
}

impl FromStr for ServerPid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::Unwatched),
            _ => text
                .parse()
                .map(Self::Pid)
                .map_err(|_| format!("`{text}` is neither a process id, nor auto or none")),
        }
    }
}

impl ServerPid {
    /// The process to watch; `None` when it cannot be found, or is the tester itself.
    pub(crate) fn find(self, target: SocketAddr) -> Option<u32> {
        let pid = match self {
            Self::Pid(pid) => Some(pid),
            Self::Auto if target.ip().is_loopback() => listener_of(target),
            Self::Auto | Self::Unwatched => None,
        };
        pid.filter(|&pid| pid != std::process::id() && ProcessSample::take(pid).is_some())
    }
}

/// One look at a process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProcessSample {
    /// User and system time since it began.
    pub(crate) cpu: Duration,
    /// Resident memory.
    pub(crate) rss_kib: u64,
    /// Open descriptors.
    pub(crate) fds: u64,
    /// Threads.
    pub(crate) threads: u64,
}

/// Ticks a second in `/proc/*/stat`; Linux shows 100 on every architecture.
const TICKS: u64 = 100;

impl ProcessSample {
    /// `None` when there is no such process, or it belongs to somebody else.
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

/// User and system time of this process.
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

/// User and system time of this process's threads whose names begin with `prefix`, while they live.
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

/// User and system time in a `stat` file.
fn cpu_of(stat: &str) -> Option<Duration> {
    // The name of the command may hold spaces and brackets; the numbers follow the last one.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_millis((user + system) * 1000 / TICKS))
}

/// The process that listens on `target`: its socket's inode is in `/proc/net/tcp`, its descriptor in `/proc/*/fd`.
fn listener_of(target: SocketAddr) -> Option<u32> {
    let table = match target.ip() {
        IpAddr::V4(_) => ["/proc/net/tcp", "/proc/net/tcp6"],
        IpAddr::V6(_) => ["/proc/net/tcp6", "/proc/net/tcp"],
    };
    let inode = table
        .iter()
        .find_map(|path| listening_inode(&fs::read_to_string(path).ok()?, target.port()))?;
    let wanted = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        fs::read_dir(entry.path().join("fd"))
            .ok()?
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == &*wanted))
            .then_some(pid)
    })
}

fn listening_inode(table: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let listens = *fields.get(3)? == LISTEN;
        (listens && u16::from_str_radix(local_port, 16) == Ok(port))
            .then(|| fields.get(9)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_lines_of_proc() {
        let stat =
            "42 (a (b) c) S 1 1 1 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 3 0 100 1000 500 1844";
        let status = "Name:\ta\nVmRSS:\t   21504 kB\nThreads:\t3\n";
        let sample = ProcessSample::parse(stat, status, 9).expect("all is there");
        assert_eq!(sample.cpu, Duration::from_secs(2));
        assert_eq!((sample.rss_kib, sample.fds, sample.threads), (21_504, 9, 3));
    }

    #[test]
    fn finds_the_process_that_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        assert_eq!(listener_of(addr), Some(std::process::id()));
        assert_eq!(
            ServerPid::Auto.find(addr),
            None,
            "the tester is no server to watch"
        );
        drop(listener);
        assert_eq!(listener_of(addr), None);
    }
}
