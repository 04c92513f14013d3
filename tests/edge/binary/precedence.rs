//! Precedence: a flag overrides a variable, which overrides the file, which overrides the
//! default.

use super::support::expect_problems;
use crate::support::{Binary, ConfigFile, run_with};

/// The maximum number of members of a room on this server.
async fn room_limit(edge: &Binary) -> usize {
    let mut members = 0;
    loop {
        let mut client = edge.connect().await;
        client
            .send_text(r#"{"type":"join","room":"general"}"#)
            .await;
        if client.next_json().await["type"] == "error" {
            return members;
        }
        members += 1;
        // Members stay until the server is gone.
        std::mem::forget(client);
    }
}

#[tokio::test]
async fn flags_override_variables_which_override_the_file_which_overrides_the_defaults() {
    let file = ConfigFile::new("[connections]\nmax_clients_per_room = 1\n");
    let variable = [("WAVECAST_MAX_CLIENTS_PER_ROOM", "2")];
    let from_file = ["--config", file.path()];
    let flag = [&from_file[..], &["--max-clients-per-room", "3"]].concat();
    let set = [
        &from_file[..],
        &["--set", "connections.max_clients_per_room=4"],
    ]
    .concat();

    assert_eq!(room_limit(&Binary::start(&[]).await).await, 100);
    assert_eq!(room_limit(&Binary::start(&from_file).await).await, 1);
    let with_variable = Binary::start_with(&from_file, &variable).await;
    assert_eq!(room_limit(&with_variable).await, 2);
    assert_eq!(
        room_limit(&Binary::start_with(&flag, &variable).await).await,
        3
    );
    assert_eq!(
        room_limit(&Binary::start_with(&set, &variable).await).await,
        4
    );
}

#[tokio::test]
async fn the_origin_of_each_value_is_reported() {
    let file = ConfigFile::new("\n[connections]\nping_interval = \"41s\"\n");
    let path = file.path();
    let variable = [("WAVECAST_PING_INTERVAL", "42s")];
    let flag = ["--ping-interval", "43s"];
    let set = ["--set", "connections.ping_interval=44s"];
    let none: &[(&str, &str)] = &[];
    let sources: [(Vec<&str>, _, String); 5] = [
        (vec![], none, "30s, default".to_owned()),
        (vec!["--config", path], none, format!("41s, {path}:3")),
        (
            vec!["--config", path],
            &variable,
            "42s, WAVECAST_PING_INTERVAL".to_owned(),
        ),
        (
            [&["--config", path], &flag[..]].concat(),
            &variable,
            "43s, --ping-interval".to_owned(),
        ),
        (
            [&["--config", path], &set[..]].concat(),
            &variable,
            "44s, --set connections.ping_interval".to_owned(),
        ),
    ];
    for (arguments, environment, origin) in sources {
        let arguments = [&arguments[..], &["--pong-timeout", "9s"]].concat();
        let output = run_with(&arguments, environment).await;
        let problem =
            format!("--pong-timeout: 9s must be longer than connections.ping_interval ({origin})");
        expect_problems(&output, &[&problem]);
    }
}

#[tokio::test]
async fn the_file_may_be_named_by_a_variable_which_a_flag_overrides() {
    let file = ConfigFile::new("[connections]\nmax_clients_per_room = 1\n");
    let by_variable = [("WAVECAST_CONFIG", file.path())];
    assert_eq!(
        room_limit(&Binary::start_with(&[], &by_variable).await).await,
        1
    );
    let other = ConfigFile::new("[connections]\nmax_clients_per_room = 2\n");
    let flag = ["--config", other.path()];
    assert_eq!(
        room_limit(&Binary::start_with(&flag, &by_variable).await).await,
        2
    );
}

#[tokio::test]
async fn a_variable_that_a_flag_overrides_is_not_checked() {
    let bad = [("WAVECAST_SHARDS", "many")];
    Binary::start_with(&["--shards", "1"], &bad).await;
    expect_problems(
        &run_with(&[], &bad).await,
        &["WAVECAST_SHARDS: \"many\" is not a whole number"],
    );
}
