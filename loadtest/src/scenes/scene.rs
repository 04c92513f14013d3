//! The sockets of a scripted scenario.

use super::message::Message;
use super::options::SceneOptions;
use super::socket::{self, Socket};
use crate::base::tokens::{Claims, Tokens, user};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// How often to look whether something has happened.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A socket and what it has heard.
pub(super) struct Seat<State> {
    pub(super) user: String,
    /// The token that it connected with; empty if it has none.
    pub(super) token: String,
    pub(super) socket: Option<Rc<Socket>>,
    /// Whether its subscription is confirmed.
    pub(super) is_ready: bool,
    /// How and when it was closed by the server.
    pub(super) closed: Option<(u16, Instant)>,
    pub(super) state: State,
}

impl<State> Seat<State> {
    /// Sends a command. A connection that does not take it is about to end.
    pub(super) fn send(&self, text: &str) {
        if let Some(socket) = &self.socket {
            let _ = socket.send(text);
        }
    }
}

/// Sockets on one thread. What they hear is handled as it comes.
pub(super) struct Scene<State> {
    options: Rc<SceneOptions>,
    /// None is borrowed across an await.
    pub(super) seats: Rc<RefCell<Vec<Seat<State>>>>,
    readers: JoinSet<()>,
    /// Errors that sockets have had while opening, by their kind.
    pub(super) errors: Rc<RefCell<BTreeMap<String, u64>>>,
}

impl<State: Default + 'static> Scene<State> {
    pub(super) fn new(options: &Rc<SceneOptions>) -> Self {
        Self {
            options: Rc::clone(options),
            seats: Rc::default(),
            readers: JoinSet::new(),
            errors: Rc::default(),
        }
    }

    /// Opens this many sockets at the connect rate, each another user. `begin` is sent first, if it is not empty. Returns
    /// the number of the first. They may not be ready yet.
    pub(super) async fn open(
        &mut self,
        count: u32,
        claims: Claims,
        begin: &str,
        handler: impl Fn(&mut Seat<State>, &Message<'_>) + Clone + 'static,
    ) -> usize {
        let first = self.seats.borrow().len();
        let start = Instant::now();
        for n in 0..count {
            let due = Duration::from_secs_f64(f64::from(n) / self.options.connect_rate);
            if let Some(early) = due.checked_sub(start.elapsed()) {
                sleep(early).await;
            }
            let number = first + n as usize;
            let name = user(number as u32);
            let token = match &self.options.tokens {
                Tokens::Signed(signer) => signer.token(&name, &claims),
                _ => String::new(),
            };
            self.seats.borrow_mut().push(Seat {
                user: name,
                token,
                socket: None,
                is_ready: false,
                closed: None,
                state: State::default(),
            });
            let (options, seats) = (Rc::clone(&self.options), Rc::clone(&self.seats));
            let (errors, begin) = (Rc::clone(&self.errors), begin.to_owned());
            let handler = handler.clone();
            self.readers.spawn_local(async move {
                let result = run(&options, &seats, number, &begin, handler).await;
                if let Err(error) = result {
                    *errors.borrow_mut().entry(error).or_default() += 1;
                }
            });
        }
        first
    }

    /// Waits until `holds` for all seats, at most this long.
    pub(super) async fn until(
        &self,
        limit: Duration,
        mut holds: impl FnMut(&[Seat<State>]) -> bool,
    ) -> bool {
        let end = Instant::now() + limit;
        loop {
            if holds(&self.seats.borrow()) {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Closes all sockets.
    pub(super) async fn close(mut self) {
        self.readers.shutdown().await;
    }
}

async fn run<State: 'static>(
    options: &SceneOptions,
    seats: &Rc<RefCell<Vec<Seat<State>>>>,
    number: usize,
    begin: &str,
    handler: impl Fn(&mut Seat<State>, &Message<'_>),
) -> Result<(), String> {
    let (path, headers) = address(options, number, &seats.borrow()[number].token);
    let nonce = (u128::from(options.run) << 64) | number as u128;
    let opening = socket::open(&options.ws, &path, &headers, nonce);
    let (socket, incoming) = timeout(options.connect_timeout, opening)
        .await
        .map_err(|_| "upgrade: timeout".to_owned())??;
    {
        let seat = &mut seats.borrow_mut()[number];
        seat.socket = Some(socket);
        if !begin.is_empty() {
            seat.send(begin);
        }
    }
    let code = incoming
        .run(|text| {
            let message = Message::parse(text);
            let seat = &mut seats.borrow_mut()[number];
            seat.is_ready |= message.kind == b"subscribed";
            handler(seat, &message);
        })
        .await;
    let seat = &mut seats.borrow_mut()[number];
    seat.closed = Some((code, Instant::now()));
    seat.socket = None;
    Ok(())
}

/// The path and the header lines with which a socket connects.
fn address(options: &SceneOptions, number: usize, token: &str) -> (String, String) {
    let headers = &options.upgrade_headers;
    let own = match &options.tokens {
        Tokens::Signed(_) => format!("Authorization: Bearer {token}\r\n"),
        tokens => tokens.header(number as u32),
    };
    // A server with --dev takes everybody's word for who they are.
    let path = if own.is_empty() && !headers.contains("Authorization:") {
        let mark = if options.ws.path.contains('?') {
            '&'
        } else {
            '?'
        };
        format!("{}{mark}user={}", options.ws.path, user(number as u32))
    } else {
        options.ws.path.clone()
    };
    (path, format!("{headers}{own}"))
}

/// Whether a socket with this token may connect. Used after its token was revoked.
pub(super) async fn is_admitted(options: &SceneOptions, number: usize, token: &str) -> bool {
    let (path, headers) = address(options, number, token);
    let opening = socket::open(&options.ws, &path, &headers, number as u128);
    matches!(timeout(options.connect_timeout, opening).await, Ok(Ok(_)))
}
