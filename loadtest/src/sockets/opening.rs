//! Opens one connection: TCP connect, WebSocket upgrade, subscriptions.

use super::audit::auditor::Status;
use super::close_cause::CloseCause;
use super::link::{self, Link, SharedTls, sealed};
use super::relay;
use super::run_state::RunState;
use super::worker_context::{WorkerContext, poll_read};
use crate::dialect::hub_dialect::Dialect;
use crate::plan::cohort::Role;
use crate::wire::client_frame;
use crate::wire::event_stream_reader::{self, EventStreamReader, StreamHead};
use crate::wire::frame_reader::FrameReader;
use crate::wire::handshake::{self, HandshakeError};
use nix::sys::socket::{setsockopt, sockopt};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use thiserror::Error;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Kernel receive buffer of a slow connection: small, so that the server notices early that it does not read.
const SLOW_RECEIVE_BUFFER: u32 = 4096;

/// Why a connection did not become ready.
#[derive(Debug, Error)]
enum OpenError {
    #[error("no free local port (the tester's limit: use --source-ips)")]
    NoPort,
    #[error("too many open files (the tester's limit: raise ulimit -n)")]
    NoFile,
    #[error("connect: {0}")]
    Connect(io::ErrorKind),
    #[error("tls: {0}")]
    Tls(String),
    #[error("upgrade: {0}")]
    Handshake(#[from] HandshakeError),
    #[error("upgrade: {0}")]
    Upgrade(io::ErrorKind),
    #[error("subscribe: {0}")]
    Subscribe(#[from] CloseCause),
}

/// Opens connection `local` within the connect timeout, and tells the auditor how that went. `None` if it failed.
pub(super) async fn open(
    state: &Arc<RunState>,
    context: &Rc<RefCell<WorkerContext>>,
    local: usize,
) -> Option<(Link, FrameReader)> {
    let began_ns = state.clock.now_ns();
    let step = Cell::new("connect");
    let opening = try_open(state, context, local, &step);
    let class = match tokio::time::timeout(state.connect_timeout, opening).await {
        Ok(Ok(opened)) => {
            let ready_ns = state.clock.now_ns() - began_ns;
            context.borrow_mut().auditor.on_ready(local, ready_ns);
            return Some(opened);
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("{}: timeout", step.get()),
    };
    context.borrow_mut().auditor.on_connect_failed(local, class);
    None
}

/// `step` is the step that has been reached; a timeout is reported as a timeout of that step.
async fn try_open(
    state: &Arc<RunState>,
    context: &Rc<RefCell<WorkerContext>>,
    local: usize,
    step: &Cell<&'static str>,
) -> Result<(Link, FrameReader), OpenError> {
    let conn = context.borrow().auditor.conn(local);
    let role = context.borrow().auditor.role(local);
    let connecting = async {
        let stream = connect(state, conn, role).await?;
        match role {
            Role::HalfOpen => relay::connect(state, context, local, stream).await,
            _ => Ok(stream),
        }
    };
    let mut stream = connecting.await.map_err(|error| {
        match (error.kind(), error.raw_os_error().map(nix::Error::from_raw)) {
            (io::ErrorKind::AddrNotAvailable | io::ErrorKind::AddrInUse, _) => OpenError::NoPort,
            (_, Some(nix::Error::EMFILE | nix::Error::ENFILE)) => OpenError::NoFile,
            (kind, _) => OpenError::Connect(kind),
        }
    })?;
    let tls = match &state.ws.tls {
        Some(client) => {
            step.set("tls");
            let done = link::handshake(&mut stream, client).await;
            done.map_err(|error| OpenError::Tls(error.to_string()))?
        }
        None => None,
    };
    step.set("upgrade");
    let nonce = (u128::from(state.plan.run) << 64) | u128::from(conn);
    let path = context.borrow().auditor.upgrade_path(local);
    let (first_frames, stream_head) = upgrade(&mut stream, &tls, state, &path, conn, nonce).await?;
    step.set("subscribe");
    let mut commands = Vec::new();
    for command in context.borrow().auditor.first_commands(local) {
        client_frame::encode(&mut commands, client_frame::TEXT, command.as_bytes(), conn);
    }
    let commands = sealed(&tls, commands).map_err(|error| CloseCause::Io(error.kind()))?;
    let (read, mut write) = stream.into_split();
    write
        .write_all(&commands)
        .await
        .map_err(|error| CloseCause::Io(error.kind()))?;
    context
        .borrow_mut()
        .auditor
        .on_upgraded(local, write, tls.clone());
    let mut link = Link { read, tls };
    context.borrow_mut().auditor.on_unconfirmed(local);
    let mut frames = match stream_head {
        Some(head) => FrameReader::Events(Box::new(EventStreamReader::new(head.is_chunked))),
        None => FrameReader::new(state.engine),
    };
    let now_ns = state.clock.now_ns();
    frames.feed(&first_frames, |frame| {
        context.borrow_mut().auditor.on_frame(local, &frame, now_ns)
    })?;
    while context.borrow().auditor.status(local) != Status::Ready {
        poll_fn(|cx| poll_read(cx, &mut link, &mut frames, state, context, local)).await?;
    }
    Ok((link, frames))
}

async fn connect(state: &RunState, conn: u32, role: Role) -> io::Result<TcpStream> {
    let addr = state.ws.addr;
    let socket = if addr.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    socket.set_nodelay(true)?;
    if role == Role::Slow {
        socket.set_recv_buffer_size(SLOW_RECEIVE_BUFFER)?;
    }
    if !state.source_ips.is_empty() {
        // With this option the kernel picks the port at connect, so connections to different targets can share one.
        setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
        let ip = state.source_ips[conn as usize % state.source_ips.len()];
        socket.bind((ip, 0).into())?;
    }
    socket.connect(addr).await
}

/// Returns the bytes that arrived after the response: the first frames. If it is an event stream, also its head.
async fn upgrade(
    stream: &mut TcpStream,
    tls: &SharedTls,
    state: &RunState,
    path: &str,
    conn: u32,
    nonce: u128,
) -> Result<(Vec<u8>, Option<StreamHead>), OpenError> {
    let upgrade_error = |error: io::Error| OpenError::Upgrade(error.kind());
    let is_stream = state.dialect.as_ref().is_some_and(Dialect::is_event_stream);
    let credentials = &state.credentials;
    let headers = &format!(
        "{}{}",
        credentials.upgrade_headers,
        credentials.tokens.header(conn)
    );
    let request = if is_stream {
        event_stream_reader::request(&state.ws.host, path, headers)
    } else {
        handshake::request(&state.ws.host, path, headers, nonce)
    };
    let request = sealed(tls, request).map_err(upgrade_error)?;
    stream.write_all(&request).await.map_err(upgrade_error)?;
    let mut response = Vec::with_capacity(512);
    let mut bytes = Vec::with_capacity(512);
    loop {
        bytes.clear();
        if stream.read_buf(&mut bytes).await.map_err(upgrade_error)? == 0 {
            return Err(OpenError::Upgrade(io::ErrorKind::UnexpectedEof));
        }
        link::open(tls, &bytes, &mut response).map_err(upgrade_error)?;
        if is_stream {
            if let Some(head) = event_stream_reader::response(&response)? {
                return Ok((response.split_off(head.length), Some(head)));
            }
        } else if let Some(head) = handshake::response(&response, nonce)? {
            return Ok((response.split_off(head), None));
        }
        if response.len() > 16 * 1024 {
            return Err(HandshakeError::Malformed.into());
        }
    }
}
