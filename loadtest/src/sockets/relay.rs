//! A relay that stops forwarding: to the server its client is gone without a word, and needs no root for it.

use crate::sockets::connection::{CloseCause, Desk};
use crate::sockets::run_state::RunState;
use crate::sockets::stalled::{close_at_end, has_ended};
use std::cell::RefCell;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The client's end of a connection to the server through a relay of its own. The relay ends with the worker's runtime,
/// or when the server has ended its side after the cohorts turned bad.
pub(crate) async fn connect(
    state: &Arc<RunState>,
    desk: &Rc<RefCell<Desk>>,
    local: usize,
    upstream: TcpStream,
) -> io::Result<TcpStream> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let outer = TcpStream::connect(listener.local_addr()?).await?;
    let (inner, _) = listener.accept().await?;
    outer.set_nodelay(true)?;
    inner.set_nodelay(true)?;
    let (state, own_desk) = (Arc::clone(state), Rc::clone(desk));
    desk.borrow_mut().relays.spawn_local(async move {
        forward(&state, &own_desk, local, inner, upstream).await;
    });
    Ok(outer)
}

async fn forward(
    state: &RunState,
    desk: &RefCell<Desk>,
    local: usize,
    mut inner: TcpStream,
    mut upstream: TcpStream,
) {
    let turned = async {
        while !state.has_turned() {
            sleep(LOOK_EVERY).await;
        }
    };
    tokio::select! {
        _ = copy_bidirectional(&mut inner, &mut upstream) => return,
        () = turned => {}
    }
    while !has_ended(&upstream).await {
        sleep(LOOK_EVERY).await;
        if desk.borrow().auditor.is_closing() {
            return;
        }
    }
    let mut end = vec![0; 64 * 1024];
    let mut seen = 0;
    let cause = loop {
        match upstream.try_read(&mut end[seen..]) {
            Ok(0) => break close_at_end(&end[..seen]),
            Ok(length) => seen = (seen + length) % end.len(),
            Err(error) => break CloseCause::Io(error.kind()),
        }
    };
    desk.borrow_mut().auditor.on_dead(local, &cause);
}
