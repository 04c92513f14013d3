//! Serves the figures of a run to Prometheus while it goes on.

use crate::base::threads::spawn;
use crate::books::classes::total;
use crate::books::totals::Totals;
use crate::sockets::run_state::RunState;
use crossbeam_channel::{Receiver, Sender, bounded};
use std::fmt::Write as _;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often the server checks for a request, and whether the run is over.
const CHECK_EVERY: Duration = Duration::from_millis(50);
/// How long a request may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// A server of one text. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct MetricsServer {
    text: Arc<Mutex<String>>,
    pub(crate) addr: SocketAddr,
    _stop: Sender<()>,
}

impl MetricsServer {
    /// Listens on `addr` and serves an empty text.
    pub(crate) fn start(addr: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(addr)?;
        listener.set_nonblocking(true)?;
        let addr = listener.local_addr()?;
        let text = Arc::new(Mutex::new(String::new()));
        let (stop, stopped) = bounded(0);
        let shown = Arc::clone(&text);
        // It ends by itself soon after the run.
        spawn("metrics".to_owned(), move || {
            serve(&listener, &shown, &stopped);
        })?;
        Ok(Self {
            text,
            addr,
            _stop: stop,
        })
    }

    /// Shows the figures so far.
    pub(super) fn show(&self, state: &RunState, totals: &Totals) {
        *self.text.lock().unwrap_or_else(PoisonError::into_inner) = render(state, totals);
    }
}

fn serve(listener: &TcpListener, text: &Mutex<String>, stopped: &Receiver<()>) {
    while stopped.recv_timeout(CHECK_EVERY) == Err(crossbeam_channel::RecvTimeoutError::Timeout) {
        while let Ok((stream, _)) = listener.accept() {
            let text = text.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // An error concerns this request only.
            let _ = answer(stream, &text);
        }
    }
}

fn answer(mut stream: TcpStream, text: &str) -> io::Result<()> {
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    // Every path has the same answer, so one read of the request is enough.
    let mut request = [0; 4096];
    let _ = stream.read(&mut request)?;
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        text.len()
    );
    stream.write_all(head.as_bytes())?;
    stream.write_all(text.as_bytes())
}

fn render(state: &RunState, totals: &Totals) -> String {
    let (worker, publisher) = (&totals.worker, &totals.publisher);
    let mut out = String::new();
    let mut one = |name: &str, kind: &str, help: &str, value: f64| {
        let _ = writeln!(
            out,
            "# HELP loadtest_{name} {help}\n# TYPE loadtest_{name} {kind}\nloadtest_{name} {value}"
        );
    };
    let open = f64::from(state.open.load(SeqCst));
    one("open_sockets", "gauge", "Ready sockets.", open);
    let rate = state.schedule.pace(state.clock.now_ns()).0;
    one(
        "rate",
        "gauge",
        "Publications per second that are due.",
        rate,
    );
    for (name, help, count) in [
        ("published", "Publications accepted.", publisher.accepted),
        (
            "publish_errors",
            "Publications refused or unanswered.",
            total(&publisher.failed),
        ),
        (
            "received",
            "Deliveries, without duplicates.",
            worker.received,
        ),
        ("lost", "Publications lost silently.", worker.lost),
        ("declared", "Publications declared lost.", worker.declared),
        ("duplicates", "Messages received again.", worker.duplicates),
        (
            "reorders",
            "Messages received after a later one.",
            worker.reorders,
        ),
        ("foreign", "Messages in the wrong place.", worker.foreign),
        (
            "malformed",
            "Messages that are not of the protocol.",
            worker.malformed,
        ),
        (
            "connect_errors",
            "Sockets that did not open.",
            total(&worker.connect_failed),
        ),
        (
            "closed",
            "Sockets that the server closed unexpectedly.",
            total(&worker.closed),
        ),
    ] {
        one(&format!("{name}_total"), "counter", help, count as f64);
    }
    let _ = writeln!(
        out,
        "# HELP loadtest_delivery_seconds Time from when a publication was due until it was received.\n\
         # TYPE loadtest_delivery_seconds summary"
    );
    for quantile in [0.5, 0.9, 0.99, 0.999] {
        let seconds = worker.delivery.quantile(quantile) as f64 / 1e6;
        let _ = writeln!(
            out,
            "loadtest_delivery_seconds{{quantile=\"{quantile}\"}} {seconds}"
        );
    }
    let _ = writeln!(
        out,
        "loadtest_delivery_seconds_count {}",
        worker.delivery.count()
    );
    out
}
