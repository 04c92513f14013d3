//! A relay between a connection and the server that stops forwarding. To the server the client then looks as if it had
//! lost power: no FIN, no reset, no answer. This needs no root, unlike dropping packets.

use super::run_state::RunState;
use super::stream_end::{StreamEnd, has_ended};
use super::worker_context::WorkerContext;
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

/// How often the relay checks whether the faults have started, and later whether the server has ended the connection.
const CHECK_EVERY: Duration = Duration::from_millis(50);

/// Puts a relay in front of `upstream` and returns the client's end. The relay ends once the server has ended the
/// connection after the faults started, or with the worker.
pub(super) async fn connect(
    state: &Arc<RunState>,
    context: &Rc<RefCell<WorkerContext>>,
    local: usize,
    upstream: TcpStream,
) -> io::Result<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let outer = TcpStream::connect(listener.local_addr()?).await?;
    let (inner, _) = listener.accept().await?;
    outer.set_nodelay(true)?;
    inner.set_nodelay(true)?;
    let (state, relay_context) = (Arc::clone(state), Rc::clone(context));
    context.borrow_mut().relays.spawn_local(async move {
        forward(&state, &relay_context, local, inner, upstream).await;
    });
    Ok(outer)
}

async fn forward(
    state: &RunState,
    context: &RefCell<WorkerContext>,
    local: usize,
    mut inner: TcpStream,
    mut upstream: TcpStream,
) {
    let faults_started = async {
        while !state.faults_started() {
            sleep(CHECK_EVERY).await;
        }
    };
    tokio::select! {
        _ = copy_bidirectional(&mut inner, &mut upstream) => return,
        () = faults_started => {}
    }
    while !has_ended(&upstream).await {
        sleep(CHECK_EVERY).await;
        if context.borrow().auditor.is_closing() {
            return;
        }
    }
    // With TLS, the client has decrypted everything that was forwarded. What follows is for its keys, too.
    let tls = context.borrow().auditor.tls(local);
    let cause = StreamEnd::new(tls).read_to_close(&upstream);
    context.borrow_mut().auditor.on_faulty_closed(local, &cause);
}
