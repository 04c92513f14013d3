//! A listener that gives nothing but errors.

use std::net::Shutdown;
use std::time::Duration;

use axum::Router;
use rustix::time::{ClockId, clock_gettime};
use socket2::SockRef;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wavecast::http::{ServeOptions, serve};
use wavecast::transport;

use crate::support::InTime as _;

/// Time that this thread, and so the runtime of the test, has used.
fn thread_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
}

#[tokio::test]
async fn a_listener_that_fails_costs_no_time_and_can_be_stopped() {
    let listener = transport::listen("127.0.0.1:0".parse().unwrap()).expect("listen");
    // From now on, `accept` fails at once.
    let shut = SockRef::from(&listener).shutdown(Shutdown::Both);
    shut.expect("shut down");
    let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
    tasks.spawn(serve(
        listener,
        Router::new(),
        ServeOptions::default(),
        tasks.clone(),
        stop.clone(),
    ));
    let before = thread_time();
    sleep(Duration::from_millis(500)).await;
    let used = thread_time().saturating_sub(before);
    assert!(used < Duration::from_millis(50), "{used:?}");
    stop.cancel();
    tasks.close();
    tasks.wait().in_time().await;
}
