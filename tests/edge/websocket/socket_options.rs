//! The options of the socket under a WebSocket.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use socket2::SockRef;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use wavecast::hub::Client as HubClient;
use wavecast::session::NativeSession;
use wavecast::transport::SocketOptions;
use wavecast::transport::websocket::{WebSocketConnection, WebSocketUpgrade};
use wavecast::{WebSocketConfig, WebSocketServer};

use crate::support::{Client, TestServer, upgrade_request, within};

type Unused = WebSocketConnection<fn(Arc<HubClient>) -> NativeSession>;

/// What is read back from an upgraded socket.
#[derive(Debug, PartialEq)]
struct Found {
    keep_alive: bool,
    no_delay: bool,
    /// Elsewhere than on Linux, it is not set.
    user_timeout: Option<Duration>,
}

const USER_TIMEOUT: Duration = Duration::from_millis(7654);

async fn upgrade(ws: WebSocketUpgrade, State(found): State<mpsc::Sender<Found>>) -> Response {
    let options = SocketOptions {
        user_timeout: USER_TIMEOUT,
        ..SocketOptions::default()
    };
    ws.on_upgrade(&TaskTracker::new(), options, |(stream, _)| async move {
        let socket = SockRef::from(stream.as_tcp().expect("a plain socket"));
        let read_back = Found {
            keep_alive: socket.keepalive().expect("SO_KEEPALIVE"),
            no_delay: socket.tcp_nodelay().expect("TCP_NODELAY"),
            #[cfg(target_os = "linux")]
            user_timeout: socket.tcp_user_timeout().expect("TCP_USER_TIMEOUT"),
            #[cfg(not(target_os = "linux"))]
            user_timeout: None,
        };
        found.try_send(read_back).expect("room for one");
        None::<Unused>
    })
}

#[tokio::test]
async fn a_websocket_has_the_options_of_an_accepted_socket_and_its_own() {
    let (sender, mut found) = mpsc::channel(1);
    let router = Router::new().route("/raw", get(upgrade));
    let server = Arc::new(WebSocketServer::new(WebSocketConfig::default()));
    let router = router.with_state(sender).merge(server.router());
    let edge = TestServer::start_behind(server, router).await;
    let mut client = Client::dial(edge.address).await;
    client.send(upgrade_request("/raw").as_bytes()).await;
    client.expect_upgrade().await;
    let expected = Found {
        keep_alive: true,
        no_delay: true,
        user_timeout: cfg!(target_os = "linux").then_some(USER_TIMEOUT),
    };
    assert_eq!(within("the options", found.recv()).await, Some(expected));
}
