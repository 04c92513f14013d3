//! Servers on threads of their own, whose CPU clocks can be read.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wavecast::http::{ApiAccess, LocalOnly, ServeOptions, serve};
use wavecast::hub::TopicRules;
use wavecast::{WebSocketConfig, WebSocketServer, transport};

use crate::PATIENCE;
use crate::measure::thread_cpu_time;

/// As long as what the edge answers.
const ANSWER: &str = concat!(
    r#"{"id":"evt_0199d0a8a1b27c3d8e4f5a6b7c8d9e0f","#,
    r#""timestamp":"2026-01-01T00:00:00.000Z","subscribers":0}"#
);

/// A server with one thread.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    clock: tokio::sync::mpsc::Sender<SyncSender<Duration>>,
}

impl Server {
    /// The edge, without histories.
    pub(crate) fn edge() -> Self {
        Self::start(async |listener| {
            let config = WebSocketConfig {
                topics: TopicRules::default(),
                ..WebSocketConfig::default()
            };
            let server = Arc::new(WebSocketServer::new(config));
            let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
            // As the binary answers a program on its machine.
            let access = ApiAccess::Local(LocalOnly::default());
            let (routes, options) = (server.routes_for(access), ServeOptions::default());
            serve(listener, routes, options, tasks, stop).await;
        })
    }

    /// The HTTP library alone: it reads each body and answers 200.
    pub(crate) fn bare() -> Self {
        Self::start(async |listener| {
            let tasks = TaskTracker::new();
            while let Ok((stream, _peer)) = listener.accept().await {
                stream.set_nodelay(true).expect("TCP_NODELAY");
                let connection = http1::Builder::new()
                    .pipeline_flush(true)
                    .serve_connection(TokioIo::new(stream), service_fn(answer));
                tasks.spawn(connection);
            }
        })
    }

    fn start(run: impl AsyncFnOnce(TcpListener) + Send + 'static) -> Self {
        let (clock, mut asked) = tokio::sync::mpsc::channel::<SyncSender<Duration>>(1);
        let (started, address) = sync_channel(1);
        thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listen = "127.0.0.1:0".parse().expect("an address");
                let listener = transport::listen(listen).expect("a free port");
                let address = listener.local_addr().expect("a bound socket");
                started.send(address).expect("a benchmark");
                let answering = async {
                    while let Some(reply) = asked.recv().await {
                        let _ = reply.send(thread_cpu_time());
                    }
                };
                tokio::join!(run(listener), answering);
            });
        });
        let address = address.recv_timeout(PATIENCE).expect("a server");
        Self { address, clock }
    }

    pub(crate) fn cpu_time(&self) -> Duration {
        let (reply, time) = sync_channel(1);
        self.clock.blocking_send(reply).expect("a server");
        time.recv_timeout(PATIENCE).expect("a server")
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let _body = request.into_body().collect().await;
    let answer = Response::builder()
        .header(CONTENT_TYPE, "application/json")
        .body(Full::from(ANSWER));
    Ok(answer.expect("a valid response"))
}
