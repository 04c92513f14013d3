//! One socket: connect, upgrade, subscribe, then read until it ends.

use super::relay;
use super::stalled;
use crate::plan::cohort::Role;
use crate::sockets::audit::auditor::{Auditor, Status};
use crate::sockets::run_state::RunState;
use crate::wire::client_frame;
use crate::wire::handshake::{self, HandshakeError};
use crate::wire::reader::Reader;
use crate::wire::server_frame::FrameError;
use nix::sys::socket::{setsockopt, sockopt};
use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::tcp::OwnedReadHalf;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;

/// What one read takes at most.
const READ_BYTES: usize = 64 * 1024;

/// What the kernel may keep for a slow socket, so that the server notices soon.
const SLOW_RECEIVE_BUFFER: u32 = 4096;

/// Why a socket ended.
#[derive(Debug, Error)]
pub(crate) enum CloseCause {
    /// The server sent a Close frame.
    #[error("close {0} {1}")]
    Code(u16, String),
    /// The server refused a subscription while the socket was opening.
    #[error("refused: {0}")]
    Refused(String),
    /// The tester left, and the server has confirmed it.
    #[error("left")]
    Left,
    /// The server ended the stream without one.
    #[error("end of stream without a close frame")]
    EndOfStream,
    /// The socket failed.
    #[error("{0}")]
    Io(io::ErrorKind),
    /// The server broke RFC 6455.
    #[error("protocol: {0}")]
    Protocol(#[from] FrameError),
}

/// Why a socket did not become ready.
#[derive(Debug, Error)]
enum OpenError {
    #[error("no free local port (the tester's limit: use --source-ips)")]
    NoPort,
    #[error("too many open files (the tester's limit: raise ulimit -n)")]
    NoFile,
    #[error("connect: {0}")]
    Connect(io::ErrorKind),
    #[error("upgrade: {0}")]
    Handshake(#[from] HandshakeError),
    #[error("upgrade: {0}")]
    Upgrade(io::ErrorKind),
    #[error("subscribe: {0}")]
    Subscribe(#[from] CloseCause),
}

/// What the tasks of one worker share: the one read buffer and the books.
pub(crate) struct Desk {
    buffer: Vec<u8>,
    pub(crate) auditor: Auditor,
    /// The relays of half-open sockets.
    pub(crate) relays: JoinSet<()>,
}

impl Desk {
    pub(crate) fn new(auditor: Auditor) -> Self {
        Self {
            buffer: vec![0; READ_BYTES],
            auditor,
            relays: JoinSet::new(),
        }
    }
}

/// The whole life of socket `local`. Ends when the socket does; dropping it closes the socket.
/// `permit` is held while it opens.
pub(crate) async fn live(
    state: &Arc<RunState>,
    desk: &Rc<RefCell<Desk>>,
    local: usize,
    permit: OwnedSemaphorePermit,
) {
    let role = desk.borrow().auditor.role(local);
    if role == Role::HandshakeStall {
        drop(permit);
        state.connects_done.fetch_add(1, SeqCst);
        return Box::pin(stalled::stall_handshake(state, desk, local)).await;
    }
    let mut permit = Some(permit);
    loop {
        // Boxed, so that a socket that is ready carries nothing of its opening.
        let Some((mut read, mut frames)) = Box::pin(open(state, desk, local)).await else {
            return;
        };
        drop(permit.take());
        let cause = match role {
            Role::BlackHole => Box::pin(stalled::live(state, desk, local, read, frames, 0)).await,
            Role::Slow => {
                let rate = state.plan.cohorts.slow_rate;
                Box::pin(stalled::live(state, desk, local, read, frames, rate)).await
            }
            _ => loop {
                let step = poll_fn(|cx| poll_read(cx, &mut read, &mut frames, state, desk, local));
                if let Err(cause) = step.await {
                    break cause;
                }
            },
        };
        if !matches!(cause, CloseCause::Left) {
            return desk.borrow_mut().auditor.on_closed(local, &cause);
        }
        desk.borrow_mut().auditor.on_left(local);
    }
}

async fn open(
    state: &Arc<RunState>,
    desk: &Rc<RefCell<Desk>>,
    local: usize,
) -> Option<(OwnedReadHalf, Reader)> {
    let began_ns = state.clock.now_ns();
    let doing = Cell::new("connect");
    let opening = try_open(state, desk, local, &doing);
    let class = match tokio::time::timeout(state.connect_timeout, opening).await {
        Ok(Ok(opened)) => {
            let ready_ns = state.clock.now_ns() - began_ns;
            desk.borrow_mut().auditor.on_ready(local, ready_ns);
            return Some(opened);
        }
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("{}: timeout", doing.get()),
    };
    desk.borrow_mut().auditor.on_connect_failed(local, class);
    None
}

async fn try_open(
    state: &Arc<RunState>,
    desk: &Rc<RefCell<Desk>>,
    local: usize,
    doing: &Cell<&'static str>,
) -> Result<(OwnedReadHalf, Reader), OpenError> {
    let conn = desk.borrow().auditor.conn(local);
    let role = desk.borrow().auditor.role(local);
    let connecting = async {
        let stream = connect(state, conn, role).await?;
        match role {
            Role::HalfOpen => relay::connect(state, desk, local, stream).await,
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
    doing.set("upgrade");
    let nonce = (u128::from(state.plan.run) << 64) | u128::from(conn);
    let first_frames = upgrade(&mut stream, state, nonce).await?;
    doing.set("subscribe");
    let mut commands = Vec::new();
    for channel in state.plan.channels_of(conn) {
        let command = desk.borrow().auditor.enter_command(local, channel);
        client_frame::encode(&mut commands, client_frame::TEXT, command.as_bytes(), conn);
    }
    let (mut read, mut write) = stream.into_split();
    write
        .write_all(&commands)
        .await
        .map_err(|error| CloseCause::Io(error.kind()))?;
    desk.borrow_mut().auditor.on_upgraded(local, write);
    let mut frames = Reader::new(state.engine);
    let now_ns = state.clock.now_ns();
    frames.feed(&first_frames, |frame| {
        desk.borrow_mut().auditor.on_frame(local, &frame, now_ns)
    })?;
    while desk.borrow().auditor.status(local) != Status::Ready {
        poll_fn(|cx| poll_read(cx, &mut read, &mut frames, state, desk, local)).await?;
    }
    Ok((read, frames))
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
        // The port is chosen at connect, and so shared between targets.
        setsockopt(&socket, sockopt::IpBindAddressNoPort, &true)?;
        let ip = state.source_ips[conn as usize % state.source_ips.len()];
        socket.bind((ip, 0).into())?;
    }
    socket.connect(addr).await
}

/// Returns the bytes that came behind the response.
async fn upgrade(
    stream: &mut TcpStream,
    state: &RunState,
    nonce: u128,
) -> Result<Vec<u8>, OpenError> {
    let upgrade_error = |error: io::Error| OpenError::Upgrade(error.kind());
    let request = handshake::request(&state.ws.host, &state.ws.path, nonce);
    stream.write_all(&request).await.map_err(upgrade_error)?;
    let mut response = Vec::with_capacity(512);
    loop {
        if stream
            .read_buf(&mut response)
            .await
            .map_err(upgrade_error)?
            == 0
        {
            return Err(OpenError::Upgrade(io::ErrorKind::UnexpectedEof));
        }
        if let Some(head) = handshake::response(&response, nonce)? {
            return Ok(response.split_off(head));
        }
        if response.len() > 16 * 1024 {
            return Err(HandshakeError::Malformed.into());
        }
    }
}

/// Reads once into the worker's buffer, behind what was left over, and judges all whole frames.
pub(crate) fn poll_read(
    cx: &mut Context<'_>,
    read: &mut OwnedReadHalf,
    frames: &mut Reader,
    state: &RunState,
    desk: &RefCell<Desk>,
    local: usize,
) -> Poll<Result<(), CloseCause>> {
    let Desk {
        buffer, auditor, ..
    } = &mut *desk.borrow_mut();
    let kept = frames.tail().len();
    if buffer.len() < kept + READ_BYTES {
        buffer.resize(kept + READ_BYTES, 0);
    }
    let mut free = ReadBuf::new(&mut buffer[kept..kept + READ_BYTES]);
    // `poll_read` knows that a short read has emptied the socket, and saves the read that would say so.
    ready!(Pin::new(read).poll_read(cx, &mut free)).map_err(|e| CloseCause::Io(e.kind()))?;
    let length = free.filled().len();
    if length == 0 {
        return Poll::Ready(Err(CloseCause::EndOfStream));
    }
    let now_ns = state.clock.now_ns();
    buffer[..kept].copy_from_slice(frames.tail());
    Poll::Ready(frames.feed(&buffer[..kept + length], |frame| {
        auditor.on_frame(local, &frame, now_ns)
    }))
}

/// Longest wait for the server's answers to the tester's Close frames.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);
