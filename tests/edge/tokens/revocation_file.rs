//! Revocations that outlive a restart.

use std::fs;

use serde_json::{Value, json};

use super::issuer::{SECRET, connect, now, status, token};
use crate::support::{Binary, Folder, run};

const NAME: &str = "revocations";

/// A folder with a configuration that keeps revocations there.
struct Setup {
    folder: Folder,
    config: String,
}

impl Setup {
    fn new() -> Self {
        let folder = Folder::new();
        let config = folder.file("wavecast.toml");
        let text = format!(
            "[[tokens.keys]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n\
             [revocations]\nfile = \"{}\"\n",
            folder.file(NAME)
        );
        fs::write(&config, text).expect("write");
        Self { folder, config }
    }

    async fn start(&self) -> Binary {
        Binary::start(&["--config", &self.config]).await
    }

    fn file(&self) -> String {
        self.folder.file(NAME)
    }
}

async fn revoke(edge: &Binary, body: Value) -> Value {
    let made = edge.http("POST", "/api/revocations", Some(&body)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    made.json()
}

async fn ids(edge: &Binary) -> Vec<String> {
    let listed = edge.http("GET", "/api/revocations", None).await.json();
    let listed = listed["revocations"].as_array().expect("a list").clone();
    let ids = listed.iter().map(|one| one["id"].as_str().unwrap().into());
    ids.collect()
}

fn named(id: &str) -> String {
    token(json!({"sub": "ada", "jti": id}))
}

#[tokio::test]
async fn a_revocation_is_in_force_after_a_crash() {
    let setup = Setup::new();
    let edge = setup.start().await;
    revoke(&edge, json!({"token_id": "one"})).await;
    revoke(&edge, json!({"token_id": "two"})).await;
    revoke(&edge, json!({"user": "eve", "issued_before": now() - 5})).await;
    let taken_back = edge.http("DELETE", "/api/revocations/rev_1", None).await;
    assert_eq!(taken_back.status, 204);
    let listed = edge.http("GET", "/api/revocations", None).await.json();
    // Killed.
    drop(edge);

    let edge = setup.start().await;
    let mut again = edge.http("GET", "/api/revocations", None).await.json();
    let mut expected = listed;
    for list in [&mut expected, &mut again] {
        for one in list["revocations"].as_array_mut().expect("a list") {
            assert!(one["until"].take().is_string());
        }
    }
    assert_eq!(again, expected);
    assert_eq!(ids(&edge).await, ["rev_0", "rev_2"]);
    let of_eve = |issued: u64| token(json!({"sub": "eve", "iat": issued}));
    for (token, expected) in [
        (named("one"), 401),
        (named("two"), 101),
        (of_eve(now() - 10), 401),
        (of_eve(now()), 101),
    ] {
        assert_eq!(status(&edge, &token).await, expected, "{token}");
    }
    // No id is given twice.
    let next = revoke(&edge, json!({"token_id": "x"})).await;
    let number = next["id"].as_str().unwrap().strip_prefix("rev_").unwrap();
    assert!(number.parse::<u64>().unwrap() > 2, "{next}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(setup.file()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "only its owner may read it");
    }
}

#[tokio::test]
async fn a_process_that_begins_before_another_has_ended_loses_none() {
    let setup = Setup::new();
    let old = setup.start().await;
    revoke(&old, json!({"token_id": "first"})).await;
    let new = setup.start().await;
    revoke(&old, json!({"token_id": "late"})).await;
    revoke(&new, json!({"token_id": "new"})).await;
    drop((old, new));
    let edge = setup.start().await;
    for id in ["first", "late", "new"] {
        assert_eq!(status(&edge, &named(id)).await, 401, "{id}");
    }
}

#[tokio::test]
async fn a_line_that_was_cut_off_is_replaced_by_the_next() {
    let setup = Setup::new();
    let edge = setup.start().await;
    revoke(&edge, json!({"token_id": "one"})).await;
    let mut text = fs::read_to_string(setup.file()).unwrap();
    text.push_str("{\"id\":\"rev_7\",\"tok");
    fs::write(setup.file(), &text).unwrap();
    revoke(&edge, json!({"token_id": "two"})).await;
    drop(edge);
    let edge = setup.start().await;
    assert_eq!(ids(&edge).await, ["rev_0", "rev_1"]);
}

#[tokio::test]
async fn a_server_that_cannot_use_its_file_does_not_start() {
    let setup = Setup::new();
    let spoiled = "{\"wavecast_revocations\":1,\"next\":0}\n{\"id\":\"rev_0\"}\n";
    for (text, problem) in [
        ("port = 1\n", "it is not a file of revocations"),
        (
            spoiled,
            "line 2: it names neither a token nor a user, or both",
        ),
    ] {
        fs::write(setup.file(), text).unwrap();
        let output = run(&["--config", &setup.config, "--listen", "127.0.0.1:0"]).await;
        let errors = String::from_utf8(output.stderr).unwrap();
        let expected = format!("cannot keep revocations in {}: {problem}", setup.file());
        assert!(errors.contains(&expected), "{errors}");
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(fs::read_to_string(setup.file()).unwrap(), text);
    }
    fs::remove_file(setup.file()).unwrap();
    fs::create_dir(setup.file()).unwrap();
    let output = run(&["--config", &setup.config, "--listen", "127.0.0.1:0"]).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("cannot keep revocations in"), "{errors}");
    assert_eq!(output.status.code(), Some(1));
}

/// As with `ulimit -f`: the system sends a signal, which would end the process.
#[tokio::test]
async fn a_file_that_may_not_grow_ends_nobody() {
    let setup = Setup::new();
    let mut arguments = vec!["--config", &setup.config];
    arguments.extend(["--listen", "127.0.0.1:0", "--log", "off"]);
    let edge = Binary::start_with_small_files(1, &arguments).await;
    let token_id = "x".repeat(128);
    let mut refused = None;
    for _ in 0..20 {
        let body = json!({"token_id": token_id});
        let made = edge.http("POST", "/api/revocations", Some(&body)).await;
        if made.status != 201 {
            refused = Some(made);
            break;
        }
    }
    refused
        .expect("a full file")
        .expect_problem(500, "internal");
    assert_eq!(status(&edge, &named(&token_id)).await, 401);
}

#[tokio::test]
async fn an_empty_file_is_a_new_one_and_a_pipe_is_none() {
    let setup = Setup::new();
    fs::write(setup.file(), "").unwrap();
    let edge = setup.start().await;
    revoke(&edge, json!({"token_id": "one"})).await;
    drop(edge);
    fs::remove_file(setup.file()).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(setup.file())
        .status();
    assert!(made.unwrap().success());
    let output = run(&["--config", &setup.config, "--listen", "127.0.0.1:0"]).await;
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(errors.contains("it is not a file"), "{errors}");
}

#[tokio::test]
async fn a_revocation_that_cannot_be_written_is_in_force_and_the_request_fails() {
    let setup = Setup::new();
    let edge = setup.start().await;
    let mut ada = connect(&edge, &named("one")).await;
    fs::remove_file(setup.file()).unwrap();
    let body = json!({"token_id": "one"});
    let made = edge.http("POST", "/api/revocations", Some(&body)).await;
    assert_eq!(made.status, 500, "{}", made.body);
    let problem = made.json();
    assert_eq!(problem["code"], "internal");
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.starts_with("it holds until a restart, but could not be written to the file: "),
        "{detail}"
    );
    assert_eq!(ada.expect_close(4004).await, "token revoked");
    assert_eq!(status(&edge, &named("one")).await, 401);
    let taken_back = edge.http("DELETE", "/api/revocations/rev_0", None).await;
    assert_eq!(taken_back.status, 500);
    assert_eq!(status(&edge, &named("one")).await, 101);
}
