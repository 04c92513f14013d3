//! The limits and settings of this machine.

use nix::sys::resource::{Resource, getrlimit};
use std::fs;
use std::time::{Duration, Instant};

/// Limits and settings of this machine. `None` if one cannot be read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Machine {
    /// Soft and hard limit of open files, for this process.
    pub(crate) files: Option<(u64, u64)>,
    /// `fs.nr_open`: the highest hard limit of open files that root can set.
    pub(crate) nr_open: Option<u64>,
    /// `fs.file-nr`: open files of the whole machine, and their limit.
    pub(crate) file_nr: Option<(u64, u64)>,
    /// First and last port of `net.ipv4.ip_local_port_range`.
    pub(crate) port_range: Option<(u64, u64)>,
    /// `net.core.somaxconn`: the longest accept queue that a listener can have.
    pub(crate) somaxconn: Option<u64>,
    /// `net.ipv4.tcp_max_syn_backlog`: the number of half-open connections that a listener remembers.
    pub(crate) syn_backlog: Option<u64>,
    /// `net.netfilter.nf_conntrack_max`; `None` without connection tracking.
    pub(crate) conntrack_max: Option<u64>,
    /// Bytes that can still be used: the lower of free memory and what the cgroup allows.
    pub(crate) memory_left: Option<u64>,
    /// Whether `memory_left` comes from a cgroup.
    pub(crate) memory_is_cgroup: bool,
    /// Kernel clock source, such as `tsc`.
    pub(crate) clock_source: Option<String>,
    /// Time that reading the clock takes.
    pub(crate) clock_read: Duration,
    /// Number of cores that this process may use.
    pub(crate) cores: u64,
    /// Load average of the last minute.
    pub(crate) load: Option<f64>,
}

impl Machine {
    /// Reads `/proc`, `/sys` and the limits of this process.
    pub(crate) fn read() -> Self {
        let available = mem_available();
        let cgroup = cgroup_left();
        Self {
            files: getrlimit(Resource::RLIMIT_NOFILE).ok(),
            nr_open: first("/proc/sys/fs/nr_open"),
            file_nr: numbers("/proc/sys/fs/file-nr").and_then(|n| Some((*n.first()?, *n.get(2)?))),
            port_range: numbers("/proc/sys/net/ipv4/ip_local_port_range")
                .and_then(|n| Some((*n.first()?, *n.get(1)?))),
            somaxconn: first("/proc/sys/net/core/somaxconn"),
            syn_backlog: first("/proc/sys/net/ipv4/tcp_max_syn_backlog"),
            conntrack_max: first("/proc/sys/net/netfilter/nf_conntrack_max"),
            memory_left: available.into_iter().chain(cgroup).min(),
            memory_is_cgroup: cgroup.is_some_and(|left| available.is_none_or(|all| left < all)),
            clock_source: fs::read_to_string(
                "/sys/devices/system/clocksource/clocksource0/current_clocksource",
            )
            .ok()
            .map(|name| name.trim().to_owned()),
            clock_read: clock_read(),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get) as u64,
            load: fs::read_to_string("/proc/loadavg")
                .ok()
                .and_then(|text| text.split_whitespace().next()?.parse().ok()),
        }
    }
}

fn numbers(path: &str) -> Option<Vec<u64>> {
    let text = fs::read_to_string(path).ok()?;
    // `fs.file-max` may be the highest u64, and `max` means no limit.
    Some(
        text.split_whitespace()
            .map(|word| word.parse().unwrap_or(u64::MAX))
            .collect(),
    )
}

fn first(path: &str) -> Option<u64> {
    numbers(path)?.first().copied()
}

fn mem_available() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|l| l.strip_prefix("MemAvailable:"))?;
    Some(line.split_whitespace().next()?.parse::<u64>().ok()? * 1024)
}

/// What the memory limits of this cgroup (version 2) and its ancestors still allow.
fn cgroup_left() -> Option<u64> {
    let own = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
    let mut dir = std::path::PathBuf::from("/sys/fs/cgroup").join(path.trim_start_matches('/'));
    let mut least = None;
    while dir.starts_with("/sys/fs/cgroup") {
        let read = |name: &str| {
            fs::read_to_string(dir.join(name))
                .ok()?
                .trim()
                .parse::<u64>()
                .ok()
        };
        if let (Some(max), Some(current)) = (read("memory.max"), read("memory.current")) {
            let left = max.saturating_sub(current);
            least = Some(least.map_or(left, |l: u64| l.min(left)));
        }
        if !dir.pop() {
            break;
        }
    }
    least
}

fn clock_read() -> Duration {
    const READS: u32 = 10_000;
    let start = Instant::now();
    for _ in 0..READS {
        std::hint::black_box(Instant::now());
    }
    start.elapsed() / READS
}
