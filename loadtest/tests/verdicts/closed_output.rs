//! Outputs that are closed or that nobody reads: what cannot be printed does not end a run, hold it up or change its exit
//! code.

use crate::support::{loadtest, start, text};
use loadtest::null_server::Fault;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A pipe that nobody reads any more.
fn closed_pipe() -> Stdio {
    let (_, pipe) = std::io::pipe().expect("a pipe");
    pipe.into()
}

/// Checks the exit code with standard output closed, with standard error closed, and with both closed.
#[track_caller]
fn exits_unread_with(code: i32, command: impl Fn() -> Command) {
    for (has_stdout, has_stderr) in [(false, true), (true, false), (false, false)] {
        let output = |is_read| {
            if is_read {
                Stdio::null()
            } else {
                closed_pipe()
            }
        };
        let mut command = command();
        let status = command
            .stdout(output(has_stdout))
            .stderr(output(has_stderr))
            .status()
            .expect("loadtest runs");
        assert_eq!(
            status.code(),
            Some(code),
            "{has_stdout} {has_stderr}: {command:?}"
        );
    }
}

fn command(args: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_loadtest"));
    command.args(args.split_whitespace());
    command
}

#[test]
fn no_subcommand_needs_a_reader() {
    for (args, code) in [
        ("--help", 0),
        ("list", 0),
        ("-c ten", 2),
        ("run no-such-file.toml", 2),
        ("run presence", 3),
        ("-u ws://192.0.2.1:3000/ws", 3),
        ("report no-such-file.json", 2),
        ("report no-such-file.json --md -", 2),
        ("compare no-such-file.json no-such-file.json", 2),
        ("compare centrifugo", 2),
    ] {
        exits_unread_with(code, || command(args));
    }
    let read = command("doctor").output().expect("loadtest runs");
    exits_unread_with(read.status.code().expect("a code"), || command("doctor"));
}

#[test]
fn a_run_that_nobody_reads_ends_with_its_verdict() {
    let server = start(Fault::None);
    let path = std::env::temp_dir().join(format!("loadtest-unread-{}.json", std::process::id()));
    let path = path.to_str().expect("a plain path");
    let args = format!("--metrics 127.0.0.1:0 --json {path}");
    exits_unread_with(0, || loadtest(&server, &args));
    // Written although its name could not be printed.
    exits_unread_with(0, || command(&format!("compare {path} {path}")));
    exits_unread_with(0, || command(&format!("report {path} --md -")));
    std::fs::remove_file(path).expect("it was written");
    exits_unread_with(99, || loadtest(&server, "--assert dups==1"));
    exits_unread_with(0, || loadtest(&server, "--json -"));
}

#[test]
fn a_reader_that_does_not_read_does_not_hold_up_a_run() {
    let (mut stderr, _unread) = UnixStream::pair().expect("two sockets");
    stderr.set_nonblocking(true).expect("an option");
    for size in [1024, 1] {
        while stderr.write(&vec![b'.'; size]).is_ok() {}
    }
    stderr.set_nonblocking(false).expect("an option");
    let server = start(Fault::None);
    let mut tester = loadtest(&server, "-d 2s")
        .stdout(Stdio::null())
        .stderr(OwnedFd::from(stderr))
        .spawn()
        .expect("loadtest runs");
    let limit = Instant::now() + Duration::from_secs(60);
    let status = loop {
        if let Some(status) = tester.try_wait().expect("a status") {
            break status;
        }
        if Instant::now() >= limit {
            tester.kill().expect("it is killed");
            panic!("it waits for its reader");
        }
        let _ = crossbeam_channel::after(Duration::from_millis(50)).recv();
    };
    assert_eq!(status.code(), Some(0));
}

#[test]
fn a_report_that_cannot_be_written_does_not_hide_the_verdict() {
    let server = start(Fault::None);
    for (args, code) in [
        ("--json /dev/full", 3),
        ("--json /dev/full --assert dups==1", 99),
    ] {
        let output = loadtest(&server, args).output().expect("loadtest runs");
        let text = text(&output);
        assert_eq!(output.status.code(), Some(code), "{args}: {text}");
        assert!(text.contains("cannot write /dev/full"), "{args}: {text}");
    }
}

#[test]
fn a_report_that_a_full_disk_does_not_take_is_no_pass() {
    let full = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .expect("Linux has it");
    let output = command("list")
        .stdout(full)
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(3));
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(errors.lines().count(), 1, "{errors}");
    assert!(
        errors.contains("cannot write to standard output"),
        "{errors}"
    );
}
