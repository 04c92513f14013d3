//! The ways to publish over HTTP.

/// Events per batch, and lines per write of a stream.
const BATCH: usize = 64;

const EVENTS: &str = "/api/events";
const BATCHES: &str = "/api/events/batch";
const STREAM: &str = "/api/events/stream";

/// A way to publish over HTTP.
pub(crate) struct Mode {
    pub(crate) name: &'static str,
    /// The path that it posts to.
    path: &'static str,
    /// Requests, or lines of a stream, that are sent together.
    pub(crate) together: usize,
    /// Whether the next ones wait until these are answered.
    pub(crate) waits: bool,
    /// Events per round.
    pub(crate) events: usize,
    pub(crate) goal: Goal,
}

/// CPU time per event above which a figure is marked, in microseconds.
#[derive(Clone, Copy)]
pub(crate) enum Goal {
    AtMost(f64),
    /// At most this much more than a bare HTTP server.
    AboveBare(f64),
    None,
}

pub(crate) const MODES: [Mode; 8] = [
    Mode {
        goal: Goal::AboveBare(3.0),
        ..Mode::waiting("alone", EVENTS, 1, 4_000)
    },
    Mode::waiting("pipelined, 16 under way", EVENTS, 16, 16_000),
    Mode {
        goal: Goal::AtMost(3.0),
        ..Mode::waiting("pipelined, 64 under way", EVENTS, 64, 32_000)
    },
    Mode {
        goal: Goal::AtMost(2.0),
        ..Mode::waiting("batches of 64", BATCHES, BATCH, 64_000)
    },
    Mode::waiting("stream, alone", STREAM, 1, 4_000),
    Mode::waiting("stream, 64 under way", STREAM, BATCH, 64_000),
    Mode::unbroken("stream", STREAM),
    Mode::unbroken(
        "stream, ?answers=errors",
        "/api/events/stream?answers=errors",
    ),
];

impl Mode {
    const fn waiting(
        name: &'static str,
        path: &'static str,
        together: usize,
        events: usize,
    ) -> Self {
        Self {
            name,
            path,
            together,
            waits: true,
            events,
            goal: Goal::None,
        }
    }

    /// A stream that does not wait for answers.
    const fn unbroken(name: &'static str, path: &'static str) -> Self {
        Self {
            name,
            path,
            together: BATCH,
            waits: false,
            events: 128_000,
            goal: Goal::AtMost(2.0),
        }
    }

    /// Whether a server that answers every request alike can take part.
    pub(crate) fn suits_a_bare_server(&self) -> bool {
        self.path == EVENTS
    }

    fn is_stream(&self) -> bool {
        self.path.starts_with(STREAM)
    }

    /// What is sent before everything else.
    pub(crate) fn opening(&self) -> Vec<u8> {
        if !self.is_stream() {
            return Vec::new();
        }
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n",
            self.path
        );
        head.into_bytes()
    }

    /// What is sent together.
    pub(crate) fn portion(&self) -> Vec<u8> {
        let data = "x".repeat(100);
        let event = format!(r#"{{"channel":"bench","data":{{"message":"{data}"}}}}"#);
        if self.is_stream() {
            let lines = format!("{event}\n").repeat(self.together);
            return format!("{:x}\r\n{lines}\r\n", lines.len()).into_bytes();
        }
        let (body, times) = if self.path == BATCHES {
            let events = vec![event; self.together].join(",");
            (format!(r#"{{"events":[{events}]}}"#), 1)
        } else {
            (event, self.together)
        };
        let length = body.len();
        let request = format!(
            "POST {} HTTP/1.1\r\nHost: localhost\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}",
            self.path
        );
        request.repeat(times).into_bytes()
    }

    /// The closing braces of the answers to a portion. There are none in a head.
    pub(crate) fn braces(&self) -> usize {
        self.together + usize::from(self.path == BATCHES)
    }

    /// The closing braces of the answers to a round that does not wait for them. With
    /// `?answers=errors`, the only answer is the one with the totals.
    pub(crate) fn braces_at_the_end(&self) -> usize {
        if self.path == STREAM { self.events } else { 1 }
    }
}
