//! "Did you mean …?"

use super::support::{expect_ok, expect_problem, expect_problem_of, expect_problems, text};
use crate::support::{Binary, ConfigFile, run, run_with};

#[tokio::test]
async fn a_misspelled_flag_is_corrected_and_its_value_is_not_a_second_problem() {
    for (arguments, problem) in [
        (
            &["--hisotry", "5"][..],
            "--hisotry: unknown flag; did you mean `--history`?",
        ),
        (
            &["--hisotry=5"],
            "--hisotry: unknown flag; did you mean `--history`?",
        ),
        (
            &["serve", "--max_message_size", "1KiB"],
            "--max_message_size: unknown flag; did you mean `--max-message-size`?",
        ),
        (
            &["--port", "4000"],
            "--port: unknown flag; did you mean `--listen`?",
        ),
        (
            &["serve", "--host=::"],
            "--host: unknown flag; did you mean `--listen`?",
        ),
        (
            &["config", "check", "--bind", "::"],
            "--bind: unknown flag; did you mean `--listen`?",
        ),
        (
            &["-p", "4000"],
            "-p: unknown flag; did you mean `--listen`?",
        ),
        (
            &["-p4000"],
            "-p4000: unknown flag; did you mean `--listen`?",
        ),
        (&["--dve"], "--dve: unknown flag; did you mean `--dev`?"),
        (&["-dev"], "-dev: unknown flag; did you mean `--dev`?"),
        (
            &["config", "check", "--stric"],
            "--stric: unknown flag; did you mean `--strict`?",
        ),
        (
            &["--bogus"],
            "--bogus: unknown flag; `wavecast --help` lists all flags",
        ),
        (
            &["--bogus", "5", "serve"],
            "--bogus: unknown flag; `wavecast serve --help` lists all flags",
        ),
        (
            &["--foo", "config", "check"],
            "--foo: unknown flag; `wavecast config check --help` lists all flags",
        ),
        (
            &["config", "--foo", "check"],
            "--foo: unknown flag; `wavecast config check --help` lists all flags",
        ),
        (
            &["-x"],
            "-x: unknown flag; `wavecast --help` lists all flags",
        ),
    ] {
        expect_problem(arguments, problem).await;
    }
    let output = run(&["--hisotry", "5", "--dve", "--listne", "3000"]).await;
    expect_problems(
        &output,
        &[
            "--hisotry: unknown flag; did you mean `--history`?",
            "--dve: unknown flag; did you mean `--dev`?",
            "--listne: unknown flag; did you mean `--listen`?",
        ],
    );
}

#[tokio::test]
async fn a_misspelled_command_is_an_error_of_one_line() {
    for (arguments, error) in [
        (
            &["srve"][..],
            "unknown command `srve`; did you mean `serve`?",
        ),
        (
            &["cofnig", "check"],
            "unknown command `cofnig`; did you mean `config`?",
        ),
        (
            &["config", "chek"],
            "unknown command `chek`; did you mean `check`?",
        ),
        (
            &["check"],
            "unknown command `check`; did you mean `wavecast config check`?",
        ),
        (
            &["int", "--dev"],
            "unknown command `int`; did you mean `wavecast config init`?",
        ),
        (
            &["config", "serve"],
            "unknown command `serve`; did you mean `wavecast serve`?",
        ),
        (
            &["dance"],
            "unknown command `dance`; `wavecast --help` lists all commands",
        ),
        (
            &["config"],
            "`wavecast config` needs a command: check or init",
        ),
        (
            &["config", "init", "wavecast.toml"],
            "`init` prints the file; use `wavecast config init > wavecast.toml`",
        ),
    ] {
        let output = run(arguments).await;
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stderr), format!("error: {error}\n"));
        assert_eq!(text(&output.stdout), "");
    }
}

#[tokio::test]
async fn a_misspelled_key_is_corrected_and_a_missing_section_is_suggested() {
    let file = ConfigFile::new(
        "listen = \":3000\"\nlogs = \"info\"\nhistory = 5\n[pubish]\nx = 1\ny = 2\n\
         [connections]\npign_interval = \"1s\"\nlisten = \"3000\"\nbogus = 1\n\
         [[outbox]]\nmessages = 1\n[[room]]\npattern = \"*\"\n[foo]\n\
         [[rooms]]\npattern = \"*\"\nfoo = 1\n",
    );
    let path = file.path();
    let output = run(&["--config", path]).await;
    let problems = [
        "1: unknown key `listen`; did you mean `server.listen`?",
        "2: unknown key `logs`; did you mean `log.level`?",
        "3: `history` is a section, not a setting; did you mean `history.messages`?",
        "4: unknown key `pubish`; did you mean `publish`?",
        "8: unknown key `connections.pign_interval`; did you mean `ping_interval`?",
        "9: unknown key `connections.listen`; did you mean `server.listen`?",
        "10: unknown key `connections.bogus`; `wavecast config init` lists all keys",
        "11: `outbox` is a section, not a setting",
        "13: unknown key `room`; did you mean `rooms`?",
        "15: unknown key `foo`; `wavecast config init` lists all keys",
        "18: unknown key `rooms.foo`; the keys here are pattern, history, overflow, presence, join, say, history_for, presence_for",
    ]
    .map(|problem| format!("{path}:{problem}"));
    expect_problems(&output, &problems.each_ref().map(String::as_str));
}

#[tokio::test]
async fn keys_of_set_are_the_same_as_in_the_file() {
    for (assignment, problem) in [
        (
            "publish.windw=5m",
            "--set: unknown key `publish.windw`; did you mean `window`?",
        ),
        (
            "listen=3000",
            "--set: unknown key `listen`; did you mean `server.listen`?",
        ),
        (
            "publish.window",
            "--set: \"publish.window\" has no value; write section.key=value",
        ),
        (
            "publish.window=soon",
            "--set publish.window: \"soon\" is not a duration; write 30s, 5m or 24h",
        ),
        (
            "server.cors_origins=*",
            "--set: `server.cors_origins` is a list; use --cors-origin",
        ),
    ] {
        expect_problem(&["--set", assignment], problem).await;
    }
    let arguments = ["--set", "publish.window=2m", "--set", "outbox.bytes = 2MiB"];
    expect_ok(&arguments, &[]).await;
}

#[tokio::test]
async fn an_invalid_log_filter_is_refused_with_a_suggestion() {
    for (filter, problem) in [
        (
            "verbose",
            "\"verbose\" is not a log level; did you mean `debug`?",
        ),
        ("inof", "\"inof\" is not a log level; did you mean `info`?"),
        (
            "wavecast=loud",
            "\"loud\" is not a log level; write error, warn, info, debug, trace, off, or a filter such as wavecast=debug",
        ),
    ] {
        expect_problem(&["--log", filter], &format!("--log: {problem}")).await;
        expect_problem_of("WAVECAST_LOG", filter, &format!("WAVECAST_LOG: {problem}")).await;
    }
    expect_ok(&["--log", "warn,wavecast=debug"], &[]).await;
}

#[tokio::test]
async fn an_unknown_variable_gets_a_warning_with_a_suggestion_and_the_server_starts() {
    let unknown = [("WAVECAST_HISOTRY", "5"), ("WAVECAST_XYZZY", "1")];
    let mut edge = Binary::start_with(&[], &unknown).await;
    edge.signal(rustix::process::Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    let warnings = "warning: WAVECAST_HISOTRY: unknown variable; did you mean `WAVECAST_HISTORY`?\n\
                    warning: WAVECAST_XYZZY: unknown variable; `wavecast --help` lists all variables\n";
    assert_eq!(edge.stderr(), warnings);
}

#[tokio::test]
async fn variables_that_kubernetes_sets_for_a_service_are_silently_ignored() {
    let service = [
        ("WAVECAST_PORT", "tcp://10.0.0.1:3000"),
        ("WAVECAST_PORT_3000_TCP", "tcp://10.0.0.1:3000"),
        ("WAVECAST_SERVICE_HOST", "10.0.0.1"),
        ("WAVECAST_SERVICE_PORT", "3000"),
    ];
    let output = run_with(&["config", "check", "--strict"], &service).await;
    assert_eq!(
        text(&output.stdout),
        "ok: nothing is set, so all defaults apply\n"
    );
    assert_eq!(text(&output.stderr), "");
}
