//! The checks, one function each.

use super::finding::{Finding, Level};
use super::machine::Machine;
use crate::base::units::grouped;
use std::time::Duration;

/// Open files other than sockets: publishers, runtimes, standard streams, the program itself.
const OTHER_FILES: u64 = 128;
/// Memory per socket on loopback, for both ends: kernel buffers, and the state of server and tester.
const BYTES_PER_SOCKET: u64 = 32 * 1024;
/// Queue length for a listener to which thousands of sockets reconnect at once.
const BACKLOG: u64 = 4096;

/// Runs all checks, in the order in which they are shown.
pub(crate) fn examine(machine: &Machine, connections: u64, source_ips: u64) -> Vec<Finding> {
    [
        files(machine, connections),
        machine_files(machine, connections),
        ports(machine, connections, source_ips),
        backlog("net.core.somaxconn", machine.somaxconn, connections),
        backlog(
            "net.ipv4.tcp_max_syn_backlog",
            machine.syn_backlog,
            connections,
        ),
        conntrack(machine, connections),
        memory(machine, connections),
        Some(clock(machine)),
        Some(cores(machine)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn files(machine: &Machine, connections: u64) -> Option<Finding> {
    let (soft, hard) = machine.files?;
    let needed = connections + OTHER_FILES;
    let found = format!(
        "{} (hard {}), {} needed",
        grouped(soft),
        grouped(hard),
        grouped(needed)
    );
    let too_low_for_root = machine.nr_open.is_some_and(|most| most < needed);
    let (level, fix) = if hard >= needed {
        // The tester raises its own soft limit when it starts.
        (Level::Ok, String::new())
    } else if too_low_for_root {
        (
            Level::Fail,
            format!(
                "sudo sysctl -w fs.nr_open={needed} && sudo prlimit --pid $$ --nofile={needed}:{needed}"
            ),
        )
    } else {
        (
            Level::Fail,
            format!("sudo prlimit --pid $$ --nofile={needed}:{needed}"),
        )
    };
    Some(finding("open files", level, found, fix))
}

fn machine_files(machine: &Machine, connections: u64) -> Option<Finding> {
    let (open, most) = machine.file_nr?;
    // Both ends of a loopback connection are open files of this machine.
    let needed = open + 2 * connections + OTHER_FILES;
    let level = if most >= needed {
        Level::Ok
    } else {
        Level::Fail
    };
    let shown = if most > 1 << 53 {
        "no limit".to_owned()
    } else {
        grouped(most)
    };
    Some(finding(
        "fs.file-max",
        level,
        format!("{shown}, {} needed for both ends", grouped(needed)),
        fix_unless_ok(level, || format!("sudo sysctl -w fs.file-max={needed}")),
    ))
}

fn ports(machine: &Machine, connections: u64, source_ips: u64) -> Option<Finding> {
    let (first, last) = machine.port_range?;
    let each = (last + 1).saturating_sub(first);
    let all = each * source_ips.max(1);
    let level = match all {
        _ if all < connections => Level::Fail,
        // The ports of closed sockets stay in use for a minute.
        _ if all < connections * 2 => Level::Warn,
        _ => Level::Ok,
    };
    let ips = (connections * 2).div_ceil(each.max(1)).max(2);
    Some(finding(
        "local ports",
        level,
        format!(
            "{first}-{last} on {} source address(es): {} for {} sockets",
            source_ips.max(1),
            grouped(all),
            grouped(connections)
        ),
        fix_unless_ok(level, || {
            format!(
                "--source-ips 127.0.0.2-127.0.0.{}, or: sudo sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\"",
                (ips + 1).min(254)
            )
        }),
    ))
}

fn backlog(name: &'static str, value: Option<u64>, connections: u64) -> Option<Finding> {
    let value = value?;
    let wanted = connections.min(BACKLOG);
    let level = if value >= wanted {
        Level::Ok
    } else {
        Level::Warn
    };
    Some(finding(
        name,
        level,
        format!(
            "{}, {} needed if all sockets reconnect at once",
            grouped(value),
            grouped(wanted)
        ),
        fix_unless_ok(level, || {
            format!("sudo sysctl -w {name}={BACKLOG}  (then restart the server)")
        }),
    ))
}

fn conntrack(machine: &Machine, connections: u64) -> Option<Finding> {
    let most = machine.conntrack_max?;
    let needed = connections * 2;
    let level = if most >= needed {
        Level::Ok
    } else {
        Level::Warn
    };
    Some(finding(
        "nf_conntrack_max",
        level,
        format!("{}, up to {} tracked", grouped(most), grouped(needed)),
        fix_unless_ok(level, || {
            format!("sudo sysctl -w net.netfilter.nf_conntrack_max={needed}")
        }),
    ))
}

fn memory(machine: &Machine, connections: u64) -> Option<Finding> {
    let left = machine.memory_left?;
    let needed = connections * BYTES_PER_SOCKET + 256 * 1024 * 1024;
    let level = if left >= needed {
        Level::Ok
    } else {
        Level::Warn
    };
    let from = if machine.memory_is_cgroup {
        "left in the cgroup"
    } else {
        "available"
    };
    Some(finding(
        "memory",
        level,
        format!(
            "{} MiB {from}, about {} MiB needed",
            grouped(left >> 20),
            grouped(needed >> 20)
        ),
        fix_unless_ok(level, || {
            if machine.memory_is_cgroup {
                format!(
                    "sudo systemctl set-property --runtime user.slice MemoryMax={}M, or docker run --memory={}m",
                    needed >> 20,
                    needed >> 20
                )
            } else {
                format!("-c {}", left.saturating_sub(256 << 20) / BYTES_PER_SOCKET)
            }
        }),
    ))
}

fn clock(machine: &Machine) -> Finding {
    let source = machine.clock_source.as_deref().unwrap_or("unknown");
    // Reading a vDSO clock takes tens of nanoseconds; one that needs a system call takes ten times as long.
    let level = if machine.clock_read < Duration::from_micros(1) {
        Level::Ok
    } else {
        Level::Warn
    };
    finding(
        "clock",
        level,
        format!("{source}, {} ns per reading", machine.clock_read.as_nanos()),
        fix_unless_ok(level, || {
            "echo tsc | sudo tee /sys/devices/system/clocksource/clocksource0/current_clocksource"
                .to_owned()
        }),
    )
}

fn cores(machine: &Machine) -> Finding {
    let cores = machine.cores;
    let load = machine.load.unwrap_or_default();
    let (level, fix) = if cores < 2 {
        (
            Level::Warn,
            "run the server on another machine, with --url and --yes",
        )
    } else if load > cores as f64 / 2.0 {
        (
            Level::Warn,
            "ps -eo pcpu,comm --sort=-pcpu | head  (stop other programs)",
        )
    } else {
        (Level::Ok, "")
    };
    finding(
        "cores",
        level,
        format!("{cores}, load {load:.2}"),
        fix.to_owned(),
    )
}

fn finding(name: &'static str, level: Level, found: String, fix: String) -> Finding {
    Finding {
        name,
        level,
        found,
        fix,
    }
}

fn fix_unless_ok(level: Level, fix: impl FnOnce() -> String) -> String {
    if level == Level::Ok {
        String::new()
    } else {
        fix()
    }
}
