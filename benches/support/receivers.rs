//! The receiving end, in a separate process: its thousands of sockets would not fit into the
//! sender's process, and its CPU time must not be counted as the sender's.

use std::cell::{Cell, RefCell};
use std::env;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::rc::Rc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Notify;

/// Environment variable of the receiving process: the sender's address and the number of
/// connections, separated by a space.
const VARIABLE: &str = "FANOUT_RECEIVERS";
/// Connections per source address.
const PER_SOURCE: usize = 10_000;
const READ_BUFFER_BYTES: usize = 256 * 1024;

/// The sender's handle of the receiving process.
pub(crate) struct Receivers {
    child: Child,
    control: tokio::net::TcpStream,
    expected: u64,
}

impl Receivers {
    /// Starts the process and accepts its `count` connections. Must be called in a runtime.
    pub(crate) fn start(count: usize) -> (Self, Vec<TcpStream>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        let address = listener.local_addr().expect("a bound socket");
        let child = Command::new(env::current_exe().expect("this program"))
            .env(VARIABLE, format!("{address} {count}"))
            .spawn()
            .expect("a second process");
        let (control, _) = listener.accept().expect("the control connection");
        control.set_nodelay(true).expect("TCP_NODELAY");
        control.set_nonblocking(true).expect("a nonblocking socket");
        let sockets = (0..count)
            .map(|_| listener.accept().expect("a receiver's connection").0)
            .collect();
        let receivers = Self {
            child,
            control: tokio::net::TcpStream::from_std(control).expect("a registered socket"),
            expected: 0,
        };
        (receivers, sockets)
    }

    /// Announces how many more bytes will be sent.
    pub(crate) async fn expect(&mut self, bytes: u64) {
        self.expected += bytes;
        self.control
            .write_u64(self.expected)
            .await
            .expect("a living receiver");
    }

    /// Waits until all expected bytes have been received.
    pub(crate) async fn wait(&mut self) {
        self.control.read_u8().await.expect("a living receiver");
    }
}

impl Drop for Receivers {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs the receiving end and returns true if this is the receiving process.
pub(crate) fn run_as_receiver() -> bool {
    let Ok(value) = env::var(VARIABLE) else {
        return false;
    };
    let (address, count) = value.split_once(' ').expect("address and count");
    let address = address.parse().expect("an address");
    let count = count.parse().expect("a count");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let local = tokio::task::LocalSet::new();
    local.block_on(&runtime, receive(address, count));
    true
}

#[derive(Default)]
struct Count {
    received: Cell<u64>,
    expected: Cell<u64>,
    complete: Notify,
}

impl Count {
    fn check(&self) {
        if self.expected.get() > 0 && self.received.get() == self.expected.get() {
            self.expected.set(0);
            self.complete.notify_one();
        }
    }
}

async fn receive(address: SocketAddr, sockets: usize) {
    let mut control = tokio::net::TcpStream::connect(address)
        .await
        .expect("the sender");
    control.set_nodelay(true).expect("TCP_NODELAY");
    let count = Rc::<Count>::default();
    let buffer = Rc::new(RefCell::new(vec![0; READ_BUFFER_BYTES]));
    for index in 0..sockets {
        let socket = connect_from(index / PER_SOURCE, address);
        let (count, buffer) = (count.clone(), buffer.clone());
        drop(tokio::task::spawn_local(async move {
            while socket.readable().await.is_ok() {
                match socket.try_read(&mut buffer.borrow_mut()) {
                    Ok(0) => break,
                    Ok(bytes) => {
                        count.received.set(count.received.get() + bytes as u64);
                        count.check();
                    }
                    Err(_would_block) => {}
                }
            }
        }));
    }
    while let Ok(expected) = control.read_u64().await {
        count.expected.set(expected);
        count.check();
        count.complete.notified().await;
        if control.write_all(&[1]).await.is_err() {
            break;
        }
    }
}

fn connect_from(source: usize, address: SocketAddr) -> tokio::net::TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).expect("a socket");
    // Each process has addresses of its own: the ports of an earlier one stay in use for a minute.
    let [.., high, low] = std::process::id().to_be_bytes();
    let source = Ipv4Addr::new(
        127,
        high,
        low,
        2 + u8::try_from(source).expect("few sources"),
    );
    socket
        .bind(&SocketAddr::from((source, 0)).into())
        .expect("a source address");
    socket.connect(&address.into()).expect("the sender");
    socket.set_nonblocking(true).expect("a nonblocking socket");
    tokio::net::TcpStream::from_std(socket.into()).expect("a registered socket")
}
