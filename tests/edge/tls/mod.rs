//! TLS: handshakes, certificates, and everything else as without it.

mod binary;
mod event_stream;
mod handshakes;
mod http;
mod refused;
mod reload;
mod secrets;
mod slow_readers;
mod stalled;
mod websocket;

use wavecast::WebSocketConfig;
use wavecast::http::ServeOptions;
use wavecast::transport::tls::TlsOptions;

use crate::support::{TestCertificate, TestServer};

/// A server with a certificate for `localhost`.
fn start(config: WebSocketConfig) -> (TestServer, TestCertificate) {
    let own = TestCertificate::of(&["localhost"]);
    let tls = own.acceptor(TlsOptions::default());
    let edge = TestServer::start_tls(config, ServeOptions::default(), tls);
    (edge, own)
}
