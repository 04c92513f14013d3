//! What the doctor finds on good and bad machines.

use super::checks::examine;
use super::finding::{Level, render};
use super::machine::Machine;
use std::time::Duration;

fn good() -> Machine {
    Machine {
        files: Some((1024, 1_000_000)),
        nr_open: Some(1_000_000),
        file_nr: Some((2000, u64::MAX)),
        port_range: Some((32_768, 60_999)),
        somaxconn: Some(4096),
        syn_backlog: Some(4096),
        conntrack_max: None,
        memory_left: Some(8 << 30),
        memory_is_cgroup: false,
        clock_source: Some("tsc".to_owned()),
        clock_read: Duration::from_nanos(25),
        cores: 4,
        load: Some(0.1),
    }
}

fn worst(machine: &Machine, connections: u64, ips: u64) -> (Level, String) {
    let findings = examine(machine, connections, ips);
    let worst = findings
        .iter()
        .max_by_key(|finding| finding.level)
        .expect("some");
    (worst.level, worst.fix.clone())
}

#[test]
fn finds_nothing_on_a_good_machine() {
    assert_eq!(worst(&good(), 10_000, 3), (Level::Ok, String::new()));
}

#[test]
fn gives_the_command_for_too_few_files() {
    let machine = Machine {
        files: Some((1024, 4096)),
        ..good()
    };
    let (level, fix) = worst(&machine, 10_000, 3);
    assert_eq!(level, Level::Fail);
    assert_eq!(fix, "sudo prlimit --pid $$ --nofile=10128:10128");
    let machine = Machine {
        nr_open: Some(5000),
        ..machine
    };
    assert!(
        worst(&machine, 10_000, 3)
            .1
            .starts_with("sudo sysctl -w fs.nr_open=10128 &&")
    );
}

#[test]
fn asks_for_more_source_addresses_if_there_are_too_few_ports() {
    let (level, fix) = worst(&good(), 50_000, 1);
    assert_eq!(level, Level::Fail);
    assert!(
        fix.starts_with("--source-ips 127.0.0.2-127.0.0.5, or:"),
        "{fix}"
    );
    assert_eq!(worst(&good(), 20_000, 1).0, Level::Warn);
}

#[test]
fn warns_about_short_queues_slow_clocks_and_little_memory() {
    for machine in [
        Machine {
            somaxconn: Some(128),
            ..good()
        },
        Machine {
            syn_backlog: Some(256),
            ..good()
        },
        Machine {
            clock_read: Duration::from_micros(2),
            ..good()
        },
        Machine {
            memory_left: Some(100 << 20),
            memory_is_cgroup: true,
            ..good()
        },
        Machine {
            conntrack_max: Some(1000),
            ..good()
        },
        Machine {
            load: Some(3.0),
            ..good()
        },
        Machine { cores: 1, ..good() },
    ] {
        let (level, fix) = worst(&machine, 5000, 2);
        assert_eq!(level, Level::Warn, "{machine:?}");
        assert!(!fix.is_empty());
    }
}

#[test]
fn shows_the_fix_below_the_finding() {
    let findings = examine(
        &Machine {
            somaxconn: Some(128),
            ..good()
        },
        1000,
        1,
    );
    let text = render(1000, &findings);
    assert!(
        text.contains("  warn  net.core.somaxconn            128"),
        "{text}"
    );
    assert!(text.contains("\n        fix: sudo sysctl -w net.core.somaxconn=4096"));
    assert!(text.ends_with("ready, with warnings\n"));
}

#[test]
fn reads_this_machine() {
    let machine = Machine::read();
    assert!(machine.cores > 0 && machine.files.is_some());
}
