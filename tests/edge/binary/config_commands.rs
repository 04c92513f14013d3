//! `wavecast config check` and `wavecast config init`.

use super::support::{expect_problem, expect_problems, text};
use crate::support::{Binary, ConfigFile, run, run_with};

#[tokio::test]
async fn check_counts_the_settings_and_does_not_listen() {
    let file = ConfigFile::new(
        "[server]\nlisten = \"127.0.0.1:1\"\n[outbox]\nmessages = 5\n[history]\nmessages = 7\n\
         [[channels]]\npattern = \"a:*\"\n[[channels]]\npattern = \"b:*\"\nhistory = false\n\
         [[rooms]]\npattern = \"*\"\n",
    );
    let path = file.path();
    let expected = format!("ok: {path}: 3 settings, 3 rules\n");
    for arguments in [
        &["config", "check", path][..],
        &["config", "check", "--config", path],
        &["--config", path, "config", "check", "--strict"],
    ] {
        let output = run(arguments).await;
        assert_eq!(text(&output.stderr), "");
        assert_eq!(text(&output.stdout), expected);
        assert_eq!(output.status.code(), Some(0));
    }
    let output = run(&["config", "check"]).await;
    assert_eq!(
        text(&output.stdout),
        "ok: nothing is set, so all defaults apply\n"
    );
    let output = run(&["config", "check", "--dev"]).await;
    assert_eq!(text(&output.stdout), "ok: 1 setting, 0 rules\n");
}

#[tokio::test]
async fn check_finds_the_same_problems_as_a_start() {
    let file = ConfigFile::new("[connections]\npong_timeout = \"40s\"\n");
    let path = file.path();
    let output = run_with(
        &["config", "check", path, "--outbox-messages", "0"],
        &[("WAVECAST_PING_INTERVAL", "50s")],
    )
    .await;
    expect_problems(
        &output,
        &[
            &format!(
                "{path}:2: `connections.pong_timeout`: 40s must be longer than \
                 connections.ping_interval (50s, WAVECAST_PING_INTERVAL)"
            ),
            "--outbox-messages: 0 must be at least 1",
        ],
    );
    let twice = run(&["config", "check", path, "--config", path]).await;
    expect_problems(&twice, &["--config: is given more than once"]);
}

#[tokio::test]
async fn warnings_are_problems_only_when_check_is_strict() {
    let unknown = [("WAVECAST_HISOTRY", "5")];
    let line = "WAVECAST_HISOTRY: unknown variable; did you mean `WAVECAST_HISTORY`?";
    let output = run_with(&["config", "check"], &unknown).await;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(
        text(&output.stdout),
        "ok: nothing is set, so all defaults apply\n"
    );
    assert_eq!(text(&output.stderr), format!("warning: {line}\n"));
    expect_problems(
        &run_with(&["config", "check", "--strict"], &unknown).await,
        &[line],
    );
}

#[tokio::test]
async fn init_prints_every_setting_with_its_default_commented_out() {
    let output = run(&["config", "init"]).await;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
    let init = text(&output.stdout);
    assert!(
        !init.contains("--") && !init.contains("The flag may"),
        "{init}"
    );
    let words = init.replace("\n# ", " ");
    for text in [
        "While more than half of `connections.max_http` connections are open",
        "The part of `history.total` for rooms",
        "or auto (on loopback addresses, or with `server.dev`)",
    ] {
        assert!(words.contains(text), "{text}: {init}");
    }
    for line in [
        "[server]",
        "#listen = \"127.0.0.1:3000\"",
        "#cors_origins = []",
        "#dev = false",
        "#ping_interval = \"30s\"",
        "#topics_per_client = 1000",
        "#ids = 100000",
        "#position_ttl = \"24h\"",
        "#reconnect_rate = 5000",
        "#level = \"info\"",
    ] {
        assert!(init.lines().any(|other| other == line), "{line}: {init}");
    }
    let file = ConfigFile::new(&init);
    let check = run(&["config", "check", file.path(), "--strict"]).await;
    let expected = format!(
        "ok: {}: the file is valid and sets nothing, so all defaults apply\n",
        file.path()
    );
    assert_eq!(text(&check.stdout), expected);
}

#[tokio::test]
async fn the_output_of_init_is_the_default_configuration_once_uncommented() {
    let init = text(&run(&["config", "init"]).await.stdout);
    let is_setting = |line: &str| {
        line.strip_prefix('#')
            .is_some_and(|rest| rest.starts_with(char::is_alphabetic))
    };
    let mut settings = 0;
    let lines = init.lines().map(|line| {
        settings += usize::from(is_setting(line));
        let uncommented = is_setting(line) || line == "#[tokens]";
        &line[usize::from(uncommented)..]
    });
    let mut lines: Vec<&str> = lines.collect();
    // The only section that means nothing without a list.
    lines.push("[[tokens.keys]]\nalgorithm = \"HS256\"");
    lines.push("secret = \"0123456789abcdef0123456789abcdef\"");
    let file = ConfigFile::new(&lines.join("\n"));
    assert!(settings > 20, "{init}");
    let check = run(&["config", "check", file.path()]).await;
    let expected = format!("ok: {}: {settings} settings, 0 rules, 1 key\n", file.path());
    assert_eq!(text(&check.stdout), expected, "{}", text(&check.stderr));

    let rules: Vec<&str> = init
        .lines()
        .filter_map(|line| line.strip_prefix("##"))
        .collect();
    let file = ConfigFile::new(&rules.join("\n"));
    let edge = Binary::start(&["--config", file.path()]).await;
    assert_eq!(edge.http("GET", "/healthz", None).await.status, 200);
}

#[tokio::test]
async fn an_empty_path_is_a_problem_that_says_so() {
    for arguments in [&["config", "check", ""][..], &["--config="]] {
        expect_problem(arguments, "--config: needs the path of a file").await;
    }
}

#[tokio::test]
async fn flags_may_be_before_and_behind_every_command() {
    for arguments in [
        &["--listen", "nope", "config", "check"][..],
        &["config", "--listen", "nope", "check"],
        &[
            "config", "check", "--strict", "--strict", "--listen", "nope",
        ],
    ] {
        let expected = "--listen: \"nope\" is not an address to listen on; write 127.0.0.1:3000, 3000, :3000 or localhost:3000";
        expect_problem(arguments, expected).await;
    }
    let output = run(&["config", "--help"]).await;
    assert!(!text(&output.stdout).contains("--listen"));
}

#[tokio::test]
async fn an_unknown_flag_of_init_is_a_problem() {
    for arguments in [
        &["config", "init", "--ouput", "x"][..],
        &["--ouput", "x", "config", "init"],
    ] {
        expect_problem(
            arguments,
            "--ouput: unknown flag; `wavecast config init --help` lists all flags",
        )
        .await;
    }
}

#[tokio::test]
async fn a_file_that_cannot_be_written_whole_is_an_error() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full");
    let full = full.expect("a device that is always full");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_wavecast"));
    let output = command.args(["config", "init"]).stdout(full).output();
    let output = output.expect("run");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        text(&output.stderr),
        "error: cannot write the file: No space left on device (os error 28)\n"
    );
}
