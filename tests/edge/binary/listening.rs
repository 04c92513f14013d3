//! Addresses to listen on.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::net::TcpListener;

use super::support::text;
use crate::support::{Binary, Client, ConfigFile, request, run};

async fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await.is_ok()
}

async fn is_healthy(ip: impl Into<IpAddr>, port: u16) -> bool {
    let address = SocketAddr::new(ip.into(), port);
    request(address, "GET", "/healthz", None).await.status == 200
}

async fn start_on(listen: &str) -> Binary {
    let file = ConfigFile::new("[anonymous]\n");
    let arguments = ["--config", file.path(), "--listen", listen, "--log", "off"];
    Binary::start_as_given(&arguments, &[]).await
}

#[tokio::test]
async fn a_bare_port_is_on_the_loopback_address() {
    let edge = start_on("0").await;
    assert_eq!(edge.address.ip(), Ipv4Addr::LOCALHOST);
    assert!(is_healthy(Ipv4Addr::LOCALHOST, edge.address.port()).await);
}

#[tokio::test]
async fn a_colon_before_the_port_means_all_addresses_of_both_families() {
    let edge = start_on(":0").await;
    let port = edge.address.port();
    assert!(edge.address.ip().is_unspecified());
    assert!(is_healthy(Ipv4Addr::LOCALHOST, port).await);
    // Any address of 127/8 is this machine's.
    assert!(is_healthy(Ipv4Addr::new(127, 0, 0, 2), port).await);
    if has_ipv6().await {
        assert_eq!(edge.address.ip(), Ipv6Addr::UNSPECIFIED);
        assert!(is_healthy(Ipv6Addr::LOCALHOST, port).await);
    }
}

#[tokio::test]
async fn an_ipv4_client_of_an_ipv6_listener_is_shown_with_its_ipv4_address() {
    let edge = start_on(":0").await;
    let port = edge.address.port();
    let client = Client::connect((Ipv4Addr::LOCALHOST, port).into(), "/ws").await;
    let list = request(
        (Ipv4Addr::LOCALHOST, port).into(),
        "GET",
        "/api/connections",
        None,
    );
    let list = list.await.json();
    let remote = client.local_addr().to_string();
    assert_eq!(list["connections"][0]["remote"], remote, "{list}");
    assert!(remote.starts_with("127.0.0.1:"), "{remote}");
}

#[tokio::test]
async fn localhost_means_both_loopback_addresses_with_one_port() {
    let mut edge = start_on("localhost:0").await;
    let port = edge.address.port();
    assert_eq!(edge.address.ip(), Ipv4Addr::LOCALHOST);
    assert!(is_healthy(Ipv4Addr::LOCALHOST, port).await);
    if has_ipv6().await {
        assert!(is_healthy(Ipv6Addr::LOCALHOST, port).await);
        let also = format!("http://[::1]:{port}/\n");
        assert!(edge.greeting.contains(&also), "{}", edge.greeting);
    }
    edge.signal(rustix::process::Signal::TERM);
    assert_eq!(edge.exit_code().await, 0);
    assert_eq!(edge.stderr(), "");
}

#[tokio::test]
async fn a_name_in_the_file_works_like_a_flag() {
    let file = ConfigFile::new("[server]\nlisten = \"[::1]:0\"\n");
    if has_ipv6().await {
        let edge = Binary::start_as_given(&["--config", file.path()], &[]).await;
        assert_eq!(edge.address.ip(), Ipv6Addr::LOCALHOST);
    }
}

#[tokio::test]
async fn an_address_in_use_is_named_in_the_error() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = taken.local_addr().unwrap().port();
    for (listen, named) in [
        (format!("{port}"), format!("127.0.0.1:{port}")),
        (
            format!("localhost:{port}"),
            format!("localhost:{port} (127.0.0.1:{port})"),
        ),
    ] {
        let output = run(&["--listen", &listen]).await;
        assert_eq!(output.status.code(), Some(1));
        let error = format!(
            "error: cannot listen on {named}: Address already in use (os error 98); take another port with --listen\n"
        );
        assert_eq!(text(&output.stderr), error);
        assert_eq!(text(&output.stdout), "");
    }
}
