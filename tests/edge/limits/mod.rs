//! How much one client, address or user may do, and that others do not notice.

mod addresses;
mod connection_rates;
mod failed_auth;
mod forwarded;
mod neighbours;
mod protection;
mod proxy_header;
mod settings;
mod users;

use serde_json::Value;
use wavecast::http::ServeOptions;
use wavecast::{LimitsConfig, Rate, RateLimit, TrustedProxies, WebSocketServer};

use crate::support::{Client, Response, TestServer, config, exchange, refusable_handshake};

/// So many at once, and then nearly none.
fn at_once(burst: u64) -> Option<RateLimit> {
    let rate = Rate::parse("1/h").ok();
    rate.map(|rate| RateLimit::new(rate, burst))
}

/// A server with these limits that believes its peers where their requests come from.
async fn start(change: impl FnOnce(&mut LimitsConfig)) -> TestServer {
    let config = config(|config| {
        config.trust_user_parameter = true;
        change(&mut config.limits);
    });
    TestServer::start_with(config, behind_proxies()).await
}

/// Everybody on this machine is a trusted proxy.
fn behind_proxies() -> ServeOptions {
    ServeOptions {
        trusted_proxies: TrustedProxies::new(["127.0.0.0/8"]).expect("a network"),
        ..ServeOptions::default()
    }
}

/// An opening handshake with these header lines.
fn handshake(path: &str, lines: &str) -> String {
    refusable_handshake().replacen("/ws", path, 1).replacen(
        "\r\n\r\n",
        &format!("\r\n{lines}\r\n\r\n"),
        1,
    )
}

fn forwarded_for(address: &str) -> String {
    format!("X-Forwarded-For: {address}")
}

/// A client that a proxy says is at this address.
async fn connect_from(server: &TestServer, address: &str, path: &str) -> Client {
    let mut client = Client::dial(server.address).await;
    let request = handshake(path, &forwarded_for(address));
    client.send(request.replace(", close", "").as_bytes()).await;
    client.expect_upgrade().await;
    client
}

/// The refusal of a client at this address.
async fn refused_from(server: &TestServer, address: &str, path: &str) -> Response {
    let request = handshake(path, &forwarded_for(address));
    exchange(server.address, request.as_bytes()).await
}

/// How often a limit was reached.
fn limited(server: &WebSocketServer, name: &str) -> u64 {
    let mut all = server.limited();
    let found = all.find(|(limit, _)| limit.as_str() == name);
    found.expect("a limit").1
}

/// The same, as operators see it.
async fn limited_in_stats(server: &TestServer, name: &str) -> Value {
    server.get("/api/stats").await["limited"][name].clone()
}
