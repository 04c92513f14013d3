//! Where the binary serves the start page.

use std::net::Ipv4Addr;

use super::support::expect_problem;
use crate::support::{Binary, ConfigFile, request};

/// The status of `GET /`, and whether the greeting names the page.
async fn page_of(arguments: &[&str]) -> (u16, bool) {
    let edge = Binary::start_as_given(&[arguments, &["--log", "off"]].concat(), &[]).await;
    let address = (Ipv4Addr::LOCALHOST, edge.address.port()).into();
    let page = request(address, "GET", "/", None).await;
    if page.status != 200 {
        page.expect_problem(404, "not_found");
        assert!(page.body.contains("--page on"), "{}", page.body);
    }
    let files = request(address, "GET", "/page/app.js", None).await;
    assert_eq!(files.status, page.status);
    let client = request(address, "GET", "/wavecast.js", None).await;
    assert_eq!(client.status, 200);
    (page.status, edge.greeting.contains("  page     http://"))
}

#[tokio::test]
async fn the_page_is_off_on_addresses_that_others_can_reach() {
    assert_eq!(page_of(&["--listen", "127.0.0.1:0"]).await, (200, true));
    assert_eq!(page_of(&["--listen", "localhost:0"]).await, (200, true));
    let file = ConfigFile::new("[anonymous]\n");
    for all in ["0.0.0.0:0", ":0"] {
        let arguments = ["--config", file.path(), "--listen", all];
        assert_eq!(page_of(&arguments).await, (404, false));
    }
}

#[tokio::test]
async fn the_page_can_be_turned_on_and_off() {
    let file = ConfigFile::new("[anonymous]\n");
    let all = ["--config", file.path(), "--listen", "0.0.0.0:0"];
    let on = [&all[..], &["--page", "on"]].concat();
    assert_eq!(page_of(&on).await, (200, true));
    let all = ["--listen", "0.0.0.0:0", "--dev"];
    assert_eq!(page_of(&all).await, (200, true));
    let off = [&all[..], &["--page", "off"]].concat();
    assert_eq!(page_of(&off).await, (404, false));
    let off = ["--listen", "127.0.0.1:0", "--page", "off"];
    assert_eq!(page_of(&off).await, (404, false));
}

#[tokio::test]
async fn a_page_that_is_neither_on_nor_off_nor_auto_is_refused() {
    let problem = "--page: \"maybe\" is not one of on, off, auto";
    expect_problem(&["--page", "maybe"], problem).await;
    let problem = "--page: \"offf\" is not one of on, off, auto; did you mean `off`?";
    expect_problem(&["--page", "offf"], problem).await;
}
