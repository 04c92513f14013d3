//! CPU time of the server per event, for each way to publish.
//!
//! Server and publisher share one core. On two, an answer has to wake the publisher's core, and on
//! a virtual machine that is charged to the server: a bare server that computes for 3 µs before it
//! answers then uses 8 µs more, and 3 µs more on one core.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;

use crate::PATIENCE;
use crate::measure::median;
use crate::modes::{Goal, MODES, Mode};
use crate::servers::Server;

const ROUNDS: usize = 7;

/// Alternates the ways to publish, and the servers, whose names contain `filter`.
pub(crate) fn compare(filter: &str) {
    #[cfg(target_os = "linux")]
    share_one_core();
    let (edge, bare) = (Server::edge(), Server::bare());
    let modes: Vec<&Mode> = MODES
        .iter()
        .filter(|mode| mode.name.contains(filter))
        .collect();
    let mut figures = vec![(Vec::new(), Vec::new()); modes.len()];
    for _ in 0..ROUNDS {
        for (mode, (of_edge, of_bare)) in modes.iter().zip(&mut figures) {
            of_edge.push(round(&edge, mode));
            if mode.suits_a_bare_server() {
                of_bare.push(round(&bare, mode));
            }
        }
    }
    println!("server CPU per event in µs, median of {ROUNDS} rounds");
    println!("  {:<26}{:>8}{:>8}", "", "edge", "bare");
    for (mode, (of_edge, of_bare)) in modes.iter().zip(figures) {
        let of_edge = median(of_edge);
        let of_bare = (!of_bare.is_empty()).then(|| median(of_bare));
        let limit = match (mode.goal, of_bare) {
            (Goal::AtMost(limit), _) => limit,
            (Goal::AboveBare(more), Some(of_bare)) => of_bare + more,
            _ => f64::INFINITY,
        };
        let mark = if of_edge > limit {
            "  above the goal"
        } else {
            ""
        };
        let of_bare = of_bare.map(|figure| format!("{figure:8.2}"));
        let of_bare = of_bare.unwrap_or_else(|| " ".repeat(8));
        println!("  {:<26}{of_edge:8.2}{of_bare}{mark}", mode.name);
    }
}

/// Keeps this thread, and all that it starts from now on, on the last core it may use.
#[cfg(target_os = "linux")]
fn share_one_core() {
    use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

    let allowed = sched_getaffinity(None).expect("the cores of this thread");
    let last = (0..CpuSet::MAX_CPU).rfind(|&core| allowed.is_set(core));
    let mut one = CpuSet::new();
    one.set(last.expect("a core"));
    sched_setaffinity(None, &one).expect("a core of this thread");
}

/// Publishes in this way for one round, and returns the CPU time per event, in microseconds.
fn round(server: &Server, mode: &Mode) -> f64 {
    let mut socket = TcpStream::connect(server.address).expect("the server");
    socket.set_nodelay(true).expect("TCP_NODELAY");
    socket.set_read_timeout(Some(PATIENCE)).expect("a deadline");
    socket
        .set_write_timeout(Some(PATIENCE))
        .expect("a deadline");
    let portion = mode.portion();
    let portions = mode.events / mode.together;
    let start = server.cpu_time();
    socket.write_all(&mode.opening()).expect("the server");
    if mode.waits {
        for _ in 0..portions {
            socket.write_all(&portion).expect("the server");
            read_braces(&mut socket, mode.braces());
        }
    } else {
        let mut writing = socket.try_clone().expect("a socket");
        let writer = thread::spawn(move || {
            for _ in 0..portions {
                writing.write_all(&portion).expect("the server");
            }
            writing.write_all(b"0\r\n\r\n").expect("the server");
        });
        read_braces(&mut socket, mode.braces_at_the_end());
        writer.join().expect("no panic");
    }
    let used = server.cpu_time().saturating_sub(start);
    used.as_secs_f64() * 1e6 / mode.events as f64
}

/// Reads until this many closing braces have come.
fn read_braces(socket: &mut TcpStream, mut count: usize) {
    let mut buffer = vec![0; 64 * 1024];
    while count > 0 {
        let length = socket.read(&mut buffer).expect("an answer");
        assert_ne!(length, 0, "the server closed the connection");
        count -= buffer[..length].split(|&byte| byte == b'}').count() - 1;
    }
}
