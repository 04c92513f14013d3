//! The command line: exit codes, error messages, files and variables.

use crate::support::{failed_checks, loadtest, start, text};
use loadtest::null_server::Fault;
use std::process::Command;
use std::time::{Duration, Instant};

#[test]
fn counts_failed_connects_by_class() {
    let server = start(Fault::None);
    let output = loadtest(&server, "-c 3 --connect-timeout 1s --source-ips 127.0.0.7")
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    // A server that accepts connections, but never answers the upgrade.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("ws://{}/ws", silent.local_addr().expect("an address"));
    let api = format!("http://{}", server.addr());
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["-u", &url, "--api", &api, "-c", "3", "-d", "1s"])
        .args(["--connect-timeout", "300ms"])
        .output()
        .expect("loadtest runs");
    let text = text(&output);
    assert_eq!(output.status.code(), Some(99), "{text}");
    assert!(text.contains("3 upgrade: timeout"), "{text}");
}

#[test]
fn says_how_to_fix_what_is_not_ready() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = closed.local_addr().expect("an address");
    drop(closed);
    for (args, code, fix) in [
        (format!("-u ws://{addr}/ws"), 3, "fix: start the server"),
        ("-u ws://192.0.2.1:3000/ws".to_owned(), 3, "fix: add --yes"),
        (format!("-u ws://{addr}/ws -c 900k"), 3, "fix: "),
        (format!("-u ws://{addr}/ws -d 1h"), 3, "fix: --limit-time"),
        ("-c ten".to_owned(), 2, "ten"),
        ("--subs-per-conn 11".to_owned(), 2, "--subs-per-conn"),
        ("--size 60B".to_owned(), 2, "must be at least"),
        ("--html /".to_owned(), 2, "it is a folder"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(args.split_whitespace())
            .output()
            .expect("loadtest runs");
        let text = text(&output);
        assert_eq!(output.status.code(), Some(code), "{args}: {text}");
        assert!(text.contains(fix), "{args}: {text}");
    }
}

#[test]
fn prints_nothing_but_a_report_that_is_written_to_standard_output() {
    let server = start(Fault::None);
    let output = loadtest(&server, "--json -")
        .output()
        .expect("loadtest runs");
    let (result, rest) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert_eq!(output.status.code(), Some(0), "{rest}");
    let is_object = result.starts_with('{') && result.trim_end().ends_with('}');
    assert!(is_object, "{result}");
    // What people read is there nevertheless.
    assert!(
        rest.contains("delivered") && !rest.contains("wrote -"),
        "{rest}"
    );
}

#[test]
fn reports_when_it_is_interrupted() {
    let server = start(Fault::None);
    let begin = Instant::now();
    let mut child = loadtest(&server, "-d 60s").spawn().expect("loadtest runs");
    let mut lines = std::io::BufReader::new(child.stderr.take().expect("piped"));
    let mut line = String::new();
    while !line.contains("publishing") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut lines, &mut line).expect("a line");
        assert!(read > 0, "it ended before it published");
    }
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().try_into().expect("a pid")),
        nix::sys::signal::Signal::SIGINT,
    )
    .expect("the signal is sent");
    let output = child.wait_with_output().expect("it ends");
    drop(lines);
    let text = text(&output);
    assert_eq!(output.status.code(), Some(130), "{text}");
    assert!(text.contains("interrupted: PASS until then"), "{text}");
    assert!(text.contains("delivered"), "{text}");
    assert!(begin.elapsed() < Duration::from_secs(20));
}

#[test]
fn takes_flags_from_a_file_and_from_the_environment() {
    let path = std::env::temp_dir().join(format!("loadtest-{}.toml", std::process::id()));
    let toml = "scenario = \"rooms\"\nconnections = 30\nchannels = 2\nassert = [\"received==140\", \"dups==1\"]";
    std::fs::write(&path, toml).expect("the file is written");
    let server = start(Fault::None);
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .arg("run")
        .arg(&path)
        .args(["-r", "10/s", "-u"])
        .arg(format!("ws://{}/ws", server.addr()))
        .env("LOADTEST_DURATION", "1s")
        .env("LOADTEST_ALLOW_TAINT", "1")
        .env("LOADTEST_SERVER_PID", "none")
        .output()
        .expect("loadtest runs");
    std::fs::remove_file(&path).expect("it is there");
    let text = text(&output);
    // 10 messages to 14 other members each.
    assert_eq!(failed_checks(&text), ["dups==1"], "{text}");
    assert_eq!(output.status.code(), Some(99), "{text}");
    assert!(
        text.contains(&format!("replay: loadtest run {}", path.display())),
        "{text}"
    );
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "no-such-file.toml"])
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn says_which_server_feature_a_scenario_needs() {
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .args(["run", "multinode"])
        .output()
        .expect("loadtest runs");
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output).contains("needs a server feature"));
}

#[test]
fn refuses_an_unknown_metric_before_the_run() {
    for (expr, why) in [
        ("loss.silnt==0", "there is no metric `loss.silnt`"),
        ("delivery<5ms", "such as delivery.p99"),
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
            .args(["-u", "ws://127.0.0.1:1/ws", "--assert", expr])
            .output()
            .expect("loadtest runs");
        assert_eq!(output.status.code(), Some(2), "{expr}");
        assert!(text(&output).contains(why), "{}", text(&output));
    }
}

#[test]
fn prefers_flags_to_variables_and_variables_to_a_file() {
    let path = std::env::temp_dir().join(format!("loadtest-env-{}.toml", std::process::id()));
    let toml =
        "connections = 4\nchannels = 1\nrate = '5/s'\nduration = '9s'\nassert = ['received==40']";
    std::fs::write(&path, toml).expect("the file is written");
    let server = start(Fault::None);
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .arg("run")
        .arg(&path)
        .args(["-d", "1s", "--allow-taint", "--server-pid", "none", "-u"])
        .arg(format!("ws://{}/ws", server.addr()))
        .env("LOADTEST_RATE", "10/s")
        .env("LOADTEST_DURATION", "8s")
        .output()
        .expect("loadtest runs");
    std::fs::remove_file(&path).expect("it is there");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
}

#[test]
fn serves_figures_to_prometheus_during_a_run() {
    let server = start(Fault::None);
    let mut child = loadtest(&server, "-d 30s --metrics 127.0.0.1:0")
        .spawn()
        .expect("loadtest runs");
    let mut lines = std::io::BufReader::new(child.stderr.take().expect("piped"));
    let (mut line, mut addr) = (String::new(), String::new());
    // A line of progress follows the first figures.
    while addr.is_empty() || !line.contains("publishing") {
        line.clear();
        let read = std::io::BufRead::read_line(&mut lines, &mut line).expect("a line");
        assert!(read > 0, "it ended before it published");
        if let Some(rest) = line.strip_prefix("metrics: http://") {
            addr = rest.trim_end().trim_end_matches("/metrics").to_owned();
        }
    }
    let mut stream = std::net::TcpStream::connect(&addr).expect("it listens");
    let limit = Some(Duration::from_secs(10));
    stream.set_read_timeout(limit).expect("a limit");
    std::io::Write::write_all(&mut stream, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .expect("sent");
    let mut answer = String::new();
    std::io::Read::read_to_string(&mut stream, &mut answer).expect("an answer");
    for part in [
        "\nloadtest_open_sockets 50\n",
        "\n# TYPE loadtest_received_total counter\n",
        "\nloadtest_lost_total 0\n",
        "loadtest_delivery_seconds{quantile=\"0.99\"} ",
    ] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id().try_into().expect("a pid")),
        nix::sys::signal::Signal::SIGINT,
    )
    .expect("the signal is sent");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
}
