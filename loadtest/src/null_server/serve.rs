//! The connections of the null server.

use super::hub::{Client, Hub};
use super::wire::{client_frame, parse_head, server_frame};
use super::{Behaviour, Fault};
use crate::handshake;
use socket2::SockRef;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep};

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
                    // A connection that breaks is the end of that connection.
                    let _ = serve_http(&hub, stream).await;
                });
            }
        }
    }
}

async fn serve_http(hub: &Rc<Hub>, mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    if hub.behaviour.outbox < 1000 {
        // What the kernel takes would count for nothing.
        SockRef::from(&stream).set_send_buffer_size(64 * 1024)?;
    }
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

async fn serve_client(hub: &Rc<Hub>, mut stream: TcpStream, mut bytes: Vec<u8>) -> io::Result<()> {
    let client = Client::new(&hub.behaviour);
    let mut last_pong = Instant::now();
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
                    last_pong = Instant::now();
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
                tokio::select! {
                    written = stream.write_all(&burst) => if let Err(error) = written {
                        break Err(error);
                    },
                    () = client.cut.notified() => {
                        // Nothing more fits into the socket: it goes with a reset.
                        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                        break Ok(());
                    }
                }
                if client.closed.get() {
                    break Ok(());
                }
            }
            _ = ping.tick(), if pings => {
                if is_dead(&hub.behaviour, last_pong) {
                    client.push(server_frame(0x8, b"\x0f\xa1heartbeat timeout"));
                    client.closed.set(true);
                } else {
                    client.push(server_frame(0x9, b"are you there"));
                }
            }
        }
    };
    for members in hub.channels.borrow_mut().values_mut() {
        members.retain(|member| !Rc::ptr_eq(member, &client));
    }
    result
}

/// Whether a client that answered last at `last_pong` is closed now.
fn is_dead(behaviour: &Behaviour, last_pong: Instant) -> bool {
    let late = match behaviour.fault {
        Fault::NeverCloseDead => return false,
        Fault::CloseDeadLate(late) => late,
        _ => Duration::ZERO,
    };
    let most = behaviour.pong_timeout;
    !most.is_zero() && last_pong.elapsed() > most + late
}
