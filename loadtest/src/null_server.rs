//! A server in a box that speaks just enough of the protocol to test the tester, and that can be made to lie.
//!
//! One thread, one task a connection, no care for slow readers beyond a bound: not an example of how to build
//! a server.

use crate::{handshake, scan};
use std::cell::{Cell, RefCell};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, oneshot};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

/// The one thing the server does wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// Each hundredth delivery does not happen, and nobody is told.
    DropEvery100th,
    /// One delivery happens twice.
    DuplicateOne,
    /// Two consecutive events of one client change places.
    SwapTwo,
    /// One event also goes to a client that did not subscribe to its channel.
    ForeignChannel,
    /// One client is disconnected with 1013.
    CloseOne,
    /// One publication is answered with this many subscribers more than there are.
    MiscountSubscribers(isize),
    /// One publication is refused with 503.
    RefusePublication,
    /// Everything stands still for this long, once.
    Stall(Duration),
}

/// How the server behaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Behaviour {
    /// What it does wrong.
    pub fault: Fault,
    /// Waits this long before it writes, so that events coalesce; zero writes at once.
    pub coalesce: Duration,
    /// Time between pings; none when zero.
    pub ping_every: Duration,
}

/// A running server; it stops when this is dropped.
#[derive(Debug)]
pub struct NullServer {
    addr: SocketAddr,
    pongs: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl NullServer {
    /// Listens on `addr` (port 0 for any) and serves on a thread of its own.
    pub fn start(addr: SocketAddr, behaviour: Behaviour) -> io::Result<Self> {
        let listener = std::net::TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let pongs = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = oneshot::channel();
        let runtime_pongs = Arc::clone(&pongs);
        let thread = std::thread::Builder::new()
            .name("null-server".to_owned())
            .spawn(move || {
                let runtime = Builder::new_current_thread()
                    .enable_all()
                    .build_local(LocalOptions::default())
                    .expect("a runtime can be built");
                runtime.block_on(async {
                    tokio::select! {
                        () = accept(listener, behaviour, runtime_pongs) => {}
                        _ = stopped => {}
                    }
                });
            })?;
        Ok(Self {
            addr,
            pongs,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Masked pongs received so far.
    pub fn pongs(&self) -> u64 {
        self.pongs.load(SeqCst)
    }

    /// Waits until the server ends, which it only does by a panic of its own.
    pub fn wait(mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for NullServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Frames a client may have waiting before it is cut off.
const OUTBOX: usize = 100_000;

struct Client {
    outbox: RefCell<VecDeque<Rc<[u8]>>>,
    wake: Notify,
    closed: Cell<bool>,
}

impl Client {
    fn push(&self, frame: Rc<[u8]>) {
        let mut outbox = self.outbox.borrow_mut();
        outbox.push_back(frame);
        if outbox.len() > OUTBOX {
            self.closed.set(true);
        }
        self.wake.notify_one();
    }
}

type Held = (Rc<Client>, Rc<[u8]>);

struct Hub {
    behaviour: Behaviour,
    pongs: Arc<AtomicU64>,
    channels: RefCell<HashMap<Vec<u8>, Vec<Rc<Client>>>>,
    publications: Cell<u64>,
    deliveries: Cell<u64>,
    /// The event that changes places with the next one of its client.
    held: RefCell<Option<Held>>,
}

/// The publication and the delivery at which a fault shows: late enough that the run is under way.
const FAULTY_PUBLICATION: u64 = 20;
const FAULTY_DELIVERY: u64 = 100;

async fn accept(listener: std::net::TcpListener, behaviour: Behaviour, pongs: Arc<AtomicU64>) {
    let listener = TcpListener::from_std(listener).expect("it is non-blocking");
    let hub = Rc::new(Hub {
        behaviour,
        pongs,
        channels: RefCell::default(),
        publications: Cell::new(0),
        deliveries: Cell::new(0),
        held: RefCell::new(None),
    });
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let hub = Rc::clone(&hub);
                tasks.spawn_local(async move {
                    // A connection that breaks is the end of that connection.
                    let _ = serve_http(&hub, stream).await;
                });
            }
        }
    }
}

async fn serve_http(hub: &Rc<Hub>, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    loop {
        let Some((head, key, length, is_post)) = parse_head(&bytes) else {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            continue;
        };
        if let Some(key) = key {
            let accept = handshake::accept(&key);
            let response = format!(
                "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
            );
            stream.write_all(response.as_bytes()).await?;
            return serve_client(hub, stream, bytes.split_off(head)).await;
        }
        while bytes.len() < head + length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let (status, body) = if is_post {
            hub.publish(&bytes[head..head + length]).await
        } else {
            ("200 OK", "ok".to_owned())
        };
        bytes.drain(..head + length);
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(response.as_bytes()).await?;
    }
}

/// Length of the head, `Sec-WebSocket-Key`, length of the body, and whether it is a POST.
fn parse_head(bytes: &[u8]) -> Option<(usize, Option<String>, usize, bool)> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(head)) = request.parse(bytes) else {
        return None;
    };
    let header = |name: &str| {
        let found = request
            .headers
            .iter()
            .find(|header| header.name.eq_ignore_ascii_case(name))?;
        String::from_utf8(found.value.to_vec()).ok()
    };
    let length = header("content-length").and_then(|length| length.parse().ok());
    let is_post = request.method == Some("POST");
    Some((
        head,
        header("sec-websocket-key"),
        length.unwrap_or(0),
        is_post,
    ))
}

impl Hub {
    async fn publish(&self, body: &[u8]) -> (&'static str, String) {
        let n = self.publications.get() + 1;
        self.publications.set(n);
        let faulty = n == FAULTY_PUBLICATION;
        match self.behaviour.fault {
            Fault::RefusePublication if faulty => {
                return ("503 Service Unavailable", String::new());
            }
            Fault::Stall(time) if faulty => sleep(time).await,
            _ => {}
        }
        let (mut channel, mut data): (&[u8], &[u8]) = (b"", b"{}");
        scan::members(body, |key, value| match key {
            b"channel" => channel = scan::unquoted(value),
            b"data" => data = value,
            _ => {}
        });
        let mut event = br#"{"type":"event","channel":""#.to_vec();
        event.extend_from_slice(channel);
        event.extend_from_slice(br#"","data":{"id":"evt_"#);
        event.extend_from_slice(n.to_string().as_bytes());
        event.extend_from_slice(br#"","timestamp":"2024-01-15T10:30:00Z","#);
        event.extend_from_slice(&data[1..]);
        event.push(b'}');
        let frame = server_frame(0x1, &event);
        let channels = self.channels.borrow();
        let members = channels.get(channel).map_or(&[][..], Vec::as_slice);
        for client in members {
            self.deliver(client, &frame);
        }
        if faulty {
            match self.behaviour.fault {
                Fault::ForeignChannel => {
                    let other = channels.iter().find(|(name, _)| name.as_slice() != channel);
                    if let Some(client) = other.and_then(|(_, members)| members.first()) {
                        client.push(frame);
                    }
                }
                Fault::CloseOne => {
                    if let Some(client) = members.first() {
                        client.push(server_frame(0x8, b"\x03\xf5slow consumer"));
                        client.closed.set(true);
                    }
                }
                _ => {}
            }
        }
        let subscribers = match self.behaviour.fault {
            Fault::MiscountSubscribers(more) if faulty => members.len().saturating_add_signed(more),
            _ => members.len(),
        };
        (
            "200 OK",
            format!(r#"{{"id":"evt_{n}","subscribers":{subscribers}}}"#),
        )
    }

    fn deliver(&self, client: &Rc<Client>, frame: &Rc<[u8]>) {
        let n = self.deliveries.get() + 1;
        self.deliveries.set(n);
        let faulty = n == FAULTY_DELIVERY;
        match self.behaviour.fault {
            Fault::DropEvery100th if n.is_multiple_of(100) => return,
            Fault::DuplicateOne if faulty => client.push(Rc::clone(frame)),
            Fault::SwapTwo if faulty => {
                *self.held.borrow_mut() = Some((Rc::clone(client), Rc::clone(frame)));
                return;
            }
            _ => {}
        }
        client.push(Rc::clone(frame));
        let held = self
            .held
            .borrow_mut()
            .take_if(|(held, _)| Rc::ptr_eq(held, client));
        if let Some((_, frame)) = held {
            client.push(frame);
        }
    }
}

async fn serve_client(hub: &Rc<Hub>, mut stream: TcpStream, mut bytes: Vec<u8>) -> io::Result<()> {
    let client = Rc::new(Client {
        outbox: RefCell::default(),
        wake: Notify::new(),
        closed: Cell::new(false),
    });
    let period = hub.behaviour.ping_every;
    let pings = !period.is_zero();
    let mut ping = interval(if pings {
        period
    } else {
        Duration::from_secs(3600)
    });
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let result = loop {
        while let Some((opcode, payload, used)) = client_frame(&bytes)? {
            bytes.drain(..used);
            match opcode {
                0x1 => hub.command(&client, &payload),
                0x8 => {
                    client.push(server_frame(0x8, &payload));
                    client.closed.set(true);
                }
                0xA => {
                    hub.pongs.fetch_add(1, SeqCst);
                }
                _ => {}
            }
        }
        tokio::select! {
            read = stream.read_buf(&mut bytes) => match read {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => break Err(error),
            },
            () = client.wake.notified() => {
                if !hub.behaviour.coalesce.is_zero() {
                    sleep(hub.behaviour.coalesce).await;
                }
                let waiting = std::mem::take(&mut *client.outbox.borrow_mut());
                let burst: Vec<u8> = waiting.iter().flat_map(|frame| frame.iter()).copied().collect();
                if let Err(error) = stream.write_all(&burst).await {
                    break Err(error);
                }
                if client.closed.get() {
                    break Ok(());
                }
            }
            _ = ping.tick(), if pings => client.push(server_frame(0x9, b"are you there")),
        }
    };
    for members in hub.channels.borrow_mut().values_mut() {
        members.retain(|member| !Rc::ptr_eq(member, &client));
    }
    result
}

impl Hub {
    fn command(&self, client: &Rc<Client>, text: &[u8]) {
        let mut channel: &[u8] = b"";
        scan::members(text, |key, value| {
            if key == b"channel" {
                channel = scan::unquoted(value);
            }
        });
        let mut channels = self.channels.borrow_mut();
        client.push(server_frame(
            0x1,
            br#"{"type":"event","channel":"$system","data":{"id":"evt_0","message":"hello"}}"#,
        ));
        channels
            .entry(channel.to_vec())
            .or_default()
            .push(Rc::clone(client));
        let mut reply = br#"{"type":"subscribed","channel":""#.to_vec();
        reply.extend_from_slice(channel);
        reply.extend_from_slice(br#""}"#);
        client.push(server_frame(0x1, &reply));
    }
}

fn server_frame(opcode: u8, payload: &[u8]) -> Rc<[u8]> {
    let mut frame = vec![0x80 | opcode];
    match payload.len() {
        n @ 0..=125 => frame.push(n as u8),
        n @ 126..=0xFFFF => {
            frame.push(126);
            frame.extend_from_slice(&(n as u16).to_be_bytes());
        }
        n => {
            frame.push(127);
            frame.extend_from_slice(&(n as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(payload);
    frame.into()
}

/// Opcode, unmasked payload and length of the first frame; short frames only, and only masked ones.
fn client_frame(bytes: &[u8]) -> io::Result<Option<(u8, Vec<u8>, usize)>> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    if second & 0x80 == 0 || second & 0x7F > 125 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let length = usize::from(second & 0x7F);
    let Some((mask, rest)) = rest.split_first_chunk::<4>() else {
        return Ok(None);
    };
    let Some(payload) = rest.get(..length) else {
        return Ok(None);
    };
    let payload = payload.iter().zip(mask.iter().cycle());
    Ok(Some((
        first & 0x0F,
        payload.map(|(byte, mask)| byte ^ mask).collect(),
        6 + length,
    )))
}
