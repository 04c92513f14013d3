//! The connections of the null server.

use super::behaviour::Behaviour;
use super::client::{Client, Written};
use super::client_decoder::{ClientDecoder, ClientInput};
use super::fault::Fault;
use super::frames::{error_frame, server_frame};
use super::hub::Hub;
use super::request_head::{Head, parse_head};
use crate::wire::handshake;
use socket2::SockRef;
use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// How long a closed client may take to read its Close frame.
const LINGER: Duration = Duration::from_secs(1);

pub(super) async fn accept(
    listener: std::net::TcpListener,
    behaviour: Behaviour,
    pongs: Arc<AtomicU64>,
) {
    let listener = TcpListener::from_std(listener).expect("it is non-blocking");
    let hub = Hub::new(behaviour, pongs);
    let mut tasks = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = tasks.join_next() => {}
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let hub = Rc::clone(&hub);
                tasks.spawn_local(async move {
                    // An error ends this connection only.
                    let _ = serve_http(&hub, stream).await;
                });
            }
        }
    }
}

async fn serve_http(hub: &Rc<Hub>, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if hub.behaviour.outbox < 1000 {
        // Otherwise the kernel buffers so much that the outbox never fills.
        SockRef::from(&stream).set_send_buffer_size(16 * 1024)?;
    }
    let mut bytes = Vec::new();
    loop {
        let Some(head) = parse_head(&bytes) else {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let Head {
            length,
            body_length,
            ..
        } = head;
        if let Some(key) = head.key {
            upgrade(hub, &mut stream, &key).await?;
            hub.connections.next();
            let result = serve_client(hub, stream, bytes.split_off(length)).await;
            hub.connections.decrement();
            return result;
        }
        while bytes.len() < length + body_length {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        let (status, body) = if head.is_post {
            hub.publish(&bytes[length..length + body_length]).await
        } else if head.path == "/api/stats" {
            ("200 OK", hub.stats())
        } else {
            ("200 OK", "ok".to_owned())
        };
        bytes.drain(..length + body_length);
        let response = format!(
            "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(response.as_bytes()).await?;
    }
}

async fn upgrade(hub: &Hub, stream: &mut TcpStream, key: &str) -> io::Result<()> {
    let upgrades = hub.upgrades.next();
    match hub.behaviour.fault {
        Fault::SlowUpgrade(time) => sleep(time).await,
        Fault::HangUpgradesAfter(max) if upgrades > max => pending().await,
        _ => {}
    }
    let accept = handshake::accept(key);
    let response = format!(
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n"
    );
    stream.write_all(response.as_bytes()).await
}

async fn serve_client(hub: &Rc<Hub>, mut stream: TcpStream, bytes: Vec<u8>) -> io::Result<()> {
    let client = Client::new(&hub.behaviour);
    let result = serve_messages(hub, &client, &mut stream, bytes).await;
    hub.forget(&client);
    // Unread bytes from the client would turn the close into a reset, and the Close frame would be lost.
    if result.is_ok() {
        let _ = stream.shutdown().await;
        let mut rest = Vec::new();
        let _ = timeout(LINGER, stream.read_to_end(&mut rest)).await;
    }
    result
}

async fn serve_messages(
    hub: &Rc<Hub>,
    client: &Rc<Client>,
    stream: &mut TcpStream,
    bytes: Vec<u8>,
) -> io::Result<()> {
    let mut decoder = ClientDecoder::default();
    decoder.bytes = bytes;
    let mut pong_log = PongLog::new(hub.behaviour.fault);
    let period = hub.behaviour.ping_interval;
    let sends_pings = !period.is_zero();
    let mut ping = interval(if sends_pings {
        period
    } else {
        Duration::from_secs(3600)
    });
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        while !client.closed.get()
            && let Some(input) = decoder.next()
        {
            match input {
                ClientInput::Text(text) => hub.command(client, &text),
                ClientInput::TooLong => client.push(error_frame("message_too_large")),
                ClientInput::Close(payload) => {
                    client.push(server_frame(0x8, &payload));
                    client.closed.set(true);
                }
                ClientInput::Pong => {
                    hub.pongs.fetch_add(1, SeqCst);
                    pong_log.on_pong();
                }
                ClientInput::Other => {}
                ClientInput::Violation(code) => match hub.behaviour.fault {
                    Fault::CloseViolationsAs(code) => client.close(code, ""),
                    _ => client.close(code, ""),
                },
            }
        }
        tokio::select! {
            read = stream.read_buf(&mut decoder.bytes) => if read? == 0 {
                return Ok(());
            },
            () = client.wake.notified() => {
                if !hub.behaviour.coalesce.is_zero() {
                    sleep(hub.behaviour.coalesce).await;
                }
                let (code, linger) = match hub.behaviour.fault {
                    Fault::EvictAs(code) => (code, LINGER * 3),
                    _ => (1013, LINGER),
                };
                if let Written::Evicted = client.write(stream, code, linger).await? {
                    if hub.behaviour.fault != Fault::EvictUncounted {
                        hub.evictions.next();
                    }
                    return Ok(());
                }
                if client.closed.get() {
                    return Ok(());
                }
            }
            _ = ping.tick(), if sends_pings => {
                if is_dead(&hub.behaviour, pong_log.last()) {
                    let code = match hub.behaviour.fault {
                        Fault::CloseDeadAs(code) => code,
                        _ => 4001,
                    };
                    client.close(code, "heartbeat timeout");
                } else {
                    client.push(server_frame(0x9, b"are you there"));
                }
            }
        }
    }
}

/// When the last pong of a client counted.
struct PongLog {
    last: Instant,
    /// Pongs that have arrived, but do not count yet.
    pending: VecDeque<Instant>,
    delay: Duration,
}

impl PongLog {
    fn new(fault: Fault) -> Self {
        Self {
            last: Instant::now(),
            pending: VecDeque::new(),
            delay: match fault {
                Fault::CountPongsLate(late) => late,
                _ => Duration::ZERO,
            },
        }
    }

    fn on_pong(&mut self) {
        self.pending.push_back(Instant::now());
    }

    fn last(&mut self) -> Instant {
        while let Some(came) = self.pending.front()
            && came.elapsed() >= self.delay
        {
            self.last = *came;
            self.pending.pop_front();
        }
        self.last
    }
}

/// Whether a client whose last pong counted at `last_pong` must be closed.
fn is_dead(behaviour: &Behaviour, last_pong: Instant) -> bool {
    let late = match behaviour.fault {
        Fault::NeverCloseDead => return false,
        Fault::CloseDeadLate(late) => late,
        _ => Duration::ZERO,
    };
    let timeout = behaviour.pong_timeout;
    !timeout.is_zero() && last_pong.elapsed() > timeout + late
}
