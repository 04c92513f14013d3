//! Connections that stall: they stop reading, or never finish their handshake.

use super::close_cause::CloseCause;
use super::link::{self, Link, sealed};
use super::run_state::RunState;
use super::stream_end::{StreamEnd, has_ended};
use super::worker_context::{WorkerContext, poll_read};
use crate::wire::frame_reader::FrameReader;
use crate::wire::handshake;
use std::cell::RefCell;
use std::future::poll_fn;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How often a stalled connection checks whether the server has ended it.
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// A probe is sent after this many checks: once per second.
const CHECKS_PER_PROBE: u64 = 20;

/// Reads normally until the faults start, and `rate` bytes per second from then on: nothing if it is 0.
pub(super) async fn run(
    state: &RunState,
    context: &RefCell<WorkerContext>,
    local: usize,
    mut link: Link,
    mut frames: FrameReader,
    rate: u32,
) -> CloseCause {
    while !state.faults_started() {
        let step = poll_fn(|cx| poll_read(cx, &mut link, &mut frames, state, context, local));
        if let Ok(Err(cause)) = timeout(CHECK_EVERY, step).await {
            return cause;
        }
    }
    let Link { read, tls } = link;
    let mut end = StreamEnd::new(tls);
    // Everything read from now on is discarded, except for the last bytes before the end.
    let mut chunk = vec![0; (rate / 20) as usize];
    for check in 1u64.. {
        if context.borrow().auditor.is_closing() {
            break;
        }
        sleep(CHECK_EVERY).await;
        if check.is_multiple_of(CHECKS_PER_PROBE) {
            context.borrow_mut().auditor.probe(local);
        }
        if has_ended(read.as_ref()).await {
            return end.read_to_close(read.as_ref());
        }
        if chunk.is_empty() {
            continue;
        }
        match read.try_read(&mut chunk) {
            Ok(0) => return CloseCause::EndOfStream,
            Ok(length) => {
                if let Err(error) = end.push(&chunk[..length]) {
                    return CloseCause::Io(error.kind());
                }
            }
            // Nothing has arrived, or the next check finds the end.
            Err(_) => {}
        }
    }
    CloseCause::EndOfStream
}

/// Once the faults start, sends half of an opening handshake and waits for the server to end the connection.
pub(super) async fn stall_handshake(
    state: &RunState,
    context: &RefCell<WorkerContext>,
    local: usize,
) {
    while !state.faults_started() {
        sleep(CHECK_EVERY).await;
        if context.borrow().auditor.is_closing() {
            return;
        }
    }
    let Ok(mut stream) = TcpStream::connect(state.ws.addr).await else {
        return;
    };
    let tls = match &state.ws.tls {
        Some(client) => match link::handshake(&mut stream, client).await {
            Ok(tls) => tls,
            Err(_) => return,
        },
        None => None,
    };
    let mut request = handshake::request(&state.ws.host, &state.ws.path, "", 0);
    request.truncate(request.len() / 2);
    let Ok(half) = sealed(&tls, request) else {
        return;
    };
    if stream.write_all(&half).await.is_err() {
        return;
    }
    context.borrow_mut().auditor.on_faulty(local);
    let mut answer = Vec::new();
    while !context.borrow().auditor.is_closing() {
        match timeout(CHECK_EVERY, stream.read_buf(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => {
                context
                    .borrow_mut()
                    .auditor
                    .on_faulty_closed(local, &CloseCause::EndOfStream);
                return;
            }
            Ok(Ok(_)) => answer.clear(),
            Err(_) => {}
        }
    }
}
