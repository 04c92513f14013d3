//! A small server with tokens and presence, which can get one thing wrong.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use sha1::{Digest, Sha1};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// What the server does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    Nothing,
    /// One refresh is refused.
    RefusesRefresh,
    /// The event after a refresh is lost.
    LosesAfterRefresh,
    /// One revoked user stays connected.
    KeepsRevoked,
    RevokesAs(u16),
    RevokesLate,
    /// Another user is closed, too.
    RevokesAnother,
    AdmitsRevoked,
    ExpiresAs(u16),
    ExpiresEarly,
    WarnsNobody,
    /// Every other one who has left stays in the lists.
    KeepsGhost,
    /// The API tells one user too many.
    Miscounts,
    /// Everybody is told of every single join, ten times.
    Shouts,
}

struct Client {
    stream: TcpStream,
    is_subscribed: bool,
    watches: bool,
    skips: u32,
}

impl Client {
    fn text(&mut self, value: &Value) {
        let text = value.to_string().into_bytes();
        let mut frame = vec![0x81];
        match text.len() {
            short @ 0..=125 => frame.push(short as u8),
            long => {
                frame.push(126);
                frame.extend((long as u16).to_be_bytes());
            }
        }
        frame.extend(text);
        let _ = self.stream.write_all(&frame);
    }

    fn close(&mut self, code: u16) {
        let [high, low] = code.to_be_bytes();
        let _ = self.stream.write_all(&[0x88, 2, high, low]);
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

#[derive(Default)]
struct State {
    clients: BTreeMap<String, Client>,
    revoked: BTreeSet<String>,
    refreshes: u32,
    leaves: u32,
    ghosts: BTreeSet<String>,
}

impl State {
    fn present(&self) -> BTreeSet<&String> {
        let there = self
            .clients
            .iter()
            .filter(|(_, client)| client.is_subscribed);
        there.map(|(user, _)| user).chain(&self.ghosts).collect()
    }

    fn presence(&self) -> Value {
        let users = self.present();
        let members: Vec<Value> = users.iter().map(|user| json!({"user": user})).collect();
        json!({"users": users.len(), "connections": users.len(), "anonymous": 0, "members": members})
    }

    fn announce(&mut self, joined: &[&str], left: &[&str], times: usize) {
        let users = self.present().len();
        let joined: Vec<Value> = joined.iter().map(|user| json!({"user": user})).collect();
        let message = json!({"type": "presence", "channel": "c", "joined": joined, "left": left,
            "users": users, "connections": users, "anonymous": 0});
        for client in self.clients.values_mut().filter(|client| client.watches) {
            (0..times).for_each(|_| client.text(&message));
        }
    }
}

/// The server. Its threads end with the process.
pub(crate) struct RightsServer {
    pub(crate) addr: SocketAddr,
}

impl RightsServer {
    pub(crate) fn start(wrong: Wrong) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        let state: Arc<Mutex<State>> = Arc::default();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&state);
                thread::spawn(move || serve(stream, &state, wrong));
            }
        });
        Self { addr }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().expect("no thread has panicked")
}

fn serve(mut stream: TcpStream, state: &Arc<Mutex<State>>, wrong: Wrong) -> Option<()> {
    stream.set_nodelay(true).ok()?;
    let mut bytes = Vec::new();
    loop {
        let head = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                let rest = bytes.split_off(end + 4);
                break String::from_utf8(std::mem::replace(&mut bytes, rest)).ok()?;
            }
            read_more(&mut stream, &mut bytes)?;
        };
        let header = |name: &str| {
            let line = head
                .lines()
                .find(|line| line.to_ascii_lowercase().starts_with(name))?;
            Some(line[name.len()..].trim().to_owned())
        };
        if let Some(key) = header("sec-websocket-key:") {
            return websocket(
                stream,
                &key,
                header("authorization: bearer").as_deref(),
                state,
                wrong,
            );
        }
        let length: usize = header("content-length:")
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        while bytes.len() < length {
            read_more(&mut stream, &mut bytes)?;
        }
        let rest = bytes.split_off(length);
        let body: Value =
            serde_json::from_slice(&std::mem::replace(&mut bytes, rest)).unwrap_or_default();
        let (status, answer) = api(&head, &body, state, wrong);
        let answer = answer.to_string();
        let length = answer.len();
        write!(
            stream,
            "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{answer}"
        )
        .ok()?;
    }
}

fn read_more(stream: &mut TcpStream, bytes: &mut Vec<u8>) -> Option<()> {
    let mut chunk = [0; 4096];
    match stream.read(&mut chunk) {
        Ok(length @ 1..) => bytes.extend(&chunk[..length]),
        _ => return None,
    }
    Some(())
}

fn api(head: &str, body: &Value, state: &Arc<Mutex<State>>, wrong: Wrong) -> (&'static str, Value) {
    let mut now = lock(state);
    if head.starts_with("POST /api/events") {
        let event = json!({"type": "event", "channel": body["channel"], "data": body["data"]});
        for client in now
            .clients
            .values_mut()
            .filter(|client| client.is_subscribed)
        {
            match client.skips {
                0 => client.text(&event),
                _ => client.skips -= 1,
            }
        }
    } else if head.starts_with("POST /api/revocations") {
        let user = body["user"].as_str().unwrap_or_default().to_owned();
        let is_first = now.revoked.is_empty();
        now.revoked.insert(user.clone());
        let (code, delay) = match wrong {
            Wrong::KeepsRevoked if is_first => return ("201 Created", json!({"id": user})),
            Wrong::RevokesAs(code) => (code, Duration::ZERO),
            Wrong::RevokesLate => (4004, Duration::from_millis(1500)),
            _ => (4004, Duration::ZERO),
        };
        if wrong == Wrong::RevokesAnother
            && let Some(mut last) = now.clients.pop_last()
        {
            last.1.close(code);
        }
        close_later(state, user.clone(), code, delay);
        return ("201 Created", json!({"id": user}));
    } else if head.starts_with("GET /api/channels") {
        let mut presence = now.presence();
        if wrong == Wrong::Miscounts {
            presence["users"] = json!(presence["users"].as_u64().unwrap_or(0) + 1);
        }
        return ("200 OK", presence);
    }
    ("200 OK", json!({}))
}

fn close_later(state: &Arc<Mutex<State>>, user: String, code: u16, delay: Duration) {
    let state = Arc::clone(state);
    thread::spawn(move || {
        thread::park_timeout(delay);
        if let Some(mut client) = lock(&state).clients.remove(&user) {
            client.close(code);
        }
    });
}

fn websocket(
    mut stream: TcpStream,
    key: &str,
    token: Option<&str>,
    state: &Arc<Mutex<State>>,
    wrong: Wrong,
) -> Option<()> {
    let claims = claims(token?)?;
    let user = claims["sub"].as_str()?.to_owned();
    if lock(state).revoked.contains(&user) && wrong != Wrong::AdmitsRevoked {
        return write!(
            stream,
            "HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n"
        )
        .ok();
    }
    let mut hash = Sha1::new();
    hash.update(format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11"));
    let accept = STANDARD.encode(hash.finalize());
    write!(stream, "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: {accept}\r\n\r\n").ok()?;
    let mut client = Client {
        stream: stream.try_clone().ok()?,
        is_subscribed: false,
        watches: false,
        skips: 0,
    };
    let end = UNIX_EPOCH + Duration::from_secs(claims["exp"].as_u64()?);
    let left = end.duration_since(SystemTime::now()).unwrap_or_default();
    if left < Duration::from_secs(60) {
        if wrong != Wrong::WarnsNobody {
            client.text(&json!({"type": "event", "channel": "$system", "event": "token_expiring", "data": {}}));
        }
        let (code, early) = match wrong {
            Wrong::ExpiresAs(code) => (code, Duration::ZERO),
            Wrong::ExpiresEarly => (4003, Duration::from_millis(2500)),
            _ => (4003, Duration::ZERO),
        };
        close_later(state, user.clone(), code, left.saturating_sub(early));
    }
    lock(state).clients.insert(user.clone(), client);
    let mut socket = WebSocket::from_raw_socket(stream, Role::Server, None);
    while let Ok(message) = socket.read() {
        if let Message::Text(text) = message {
            let command: Value = serde_json::from_str(&text).ok()?;
            perform(&mut lock(state), &user, &command, wrong);
        }
    }
    Some(())
}

fn perform(state: &mut State, user: &str, command: &Value, wrong: Wrong) -> Option<()> {
    let times = if wrong == Wrong::Shouts { 10 } else { 1 };
    match command["type"].as_str()? {
        "subscribe" => {
            let client = state.clients.get_mut(user)?;
            let was = std::mem::replace(&mut client.is_subscribed, true);
            if !was {
                state.ghosts.remove(user);
                state.announce(&[user], &[], times);
            }
            let presence = state.presence();
            let client = state.clients.get_mut(user)?;
            let mut reply = json!({"type": "subscribed", "channel": command["channel"]});
            if command["presence"] == true {
                client.watches = true;
                reply["presence"] = presence;
            }
            client.text(&reply);
        }
        "unsubscribe" => {
            state.clients.get_mut(user)?.is_subscribed = false;
            state.leaves += 1;
            if wrong == Wrong::KeepsGhost && state.leaves.is_multiple_of(2) {
                state.ghosts.insert(user.to_owned());
            } else {
                state.announce(&[], &[user], 1);
            }
        }
        "auth" => {
            state.refreshes += 1;
            let refuses = wrong == Wrong::RefusesRefresh && state.refreshes == 3;
            let client = state.clients.get_mut(user)?;
            client.skips = u32::from(wrong == Wrong::LosesAfterRefresh);
            let reply = if refuses {
                json!({"type": "error", "code": "invalid_token", "id": command["id"]})
            } else {
                json!({"type": "authenticated", "user": user, "expires_in": 3600, "id": command["id"]})
            };
            client.text(&reply);
        }
        _ => {}
    }
    Some(())
}

fn claims(token: &str) -> Option<Value> {
    let body = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&body).ok()
}
