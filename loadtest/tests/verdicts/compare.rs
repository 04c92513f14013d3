//! `loadtest compare`: several hubs under the same load, and one page about them.

use crate::support::{start, text};
use loadtest::null_server::{Fault, NullServer};
use std::process::{Command, Output};

fn compare(hubs: &[&NullServer], page: &str, args: &[&str]) -> (Output, String) {
    let path = std::env::temp_dir().join(format!("loadtest-{}-{page}", std::process::id()));
    let hubs = hubs
        .iter()
        .map(|hub| format!("wavecast@ws://{}/ws", hub.addr()));
    let output = Command::new(env!("CARGO_BIN_EXE_loadtest"))
        .arg("compare")
        .args(hubs)
        .args([
            "-c", "20", "-C", "2", "-r", "50/s", "-d", "1s", "--runs", "2",
        ])
        .args(["--allow-taint", "--server-pid", "none", "--page"])
        .arg(&path)
        .args(args)
        .output()
        .expect("loadtest runs");
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(&path);
    (output, written)
}

#[test]
fn puts_the_same_load_on_two_hubs_and_writes_a_page() {
    let (good, bad) = (start(Fault::None), start(Fault::DropEvery(100)));
    let (output, page) = compare(&[&good, &bad], "page.md", &["--token", "secret"]);
    let all = text(&output);
    assert_eq!(output.status.code(), Some(99), "{all}");
    // 50 publications to 10 sockets each, twice.
    for line in [
        "20 sockets with one subscription each on 2 channels, 50 publications per second of 256 bytes",
        "| deliveries expected | 1,000 | 1,000 |",
        "| deliveries received | 1,000 | 990 |",
        "| lost silently | 0 | 10 |",
        "failed loss.silent==0.",
    ] {
        assert!(page.contains(line), "{line}: {page}");
    }
    let command = format!(
        "loadtest run smoke --target wavecast --url=ws://{}/ws -c 20",
        bad.addr()
    );
    assert!(page.contains(&command), "{page}");
    assert!(!page.contains("secret"), "{page}");
    // The second run begins with the other hub.
    let order: Vec<bool> = all
        .lines()
        .filter_map(|line| {
            Some(
                line.strip_prefix("loadtest smoke")?
                    .contains(&bad.addr().to_string()),
            )
        })
        .collect();
    assert_eq!(order, [false, true, true, false], "{all}");
}

#[test]
fn writes_html_and_refuses_what_it_cannot_compare() {
    let server = start(Fault::None);
    let (output, page) = compare(&[&server, &server], "page.html", &["--runs", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        page.contains("<th scope=\"row\">lost silently</th><td>0</td><td>0</td>"),
        "{page}"
    );
    for (args, why) in [
        (vec!["--target", "nats"], "TARGET@URL"),
        (vec!["--scenario", "nosuch"], "no scenario"),
    ] {
        let (output, _) = compare(&[&server, &server], "page.html", &args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(text(&output).contains(why), "{args:?}: {}", text(&output));
    }
    let (output, _) = compare(&[&server, &server], "page.txt", &[]);
    assert!(text(&output).contains(".html or .md"));
}
