//! Log lines for operators: that the server is full or has room again, and how many connections it
//! had to end.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use crate::server::WebSocketServer;

/// How often the server is checked.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);
/// The ends of connections are summed up over this many looks.
const LOOKS_PER_SUMMARY: u32 = 60;

/// Connections that the server ended, each for a reason of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ended {
    slow_consumers: u64,
    heartbeat_timeouts: u64,
    write_timeouts: u64,
    panics: u64,
}

impl Ended {
    fn so_far(server: &WebSocketServer) -> Self {
        let metrics = server.node.metrics();
        Self {
            slow_consumers: metrics.slow_consumers_total.get(),
            heartbeat_timeouts: metrics.heartbeat_timeouts_total.get(),
            write_timeouts: metrics.write_timeouts_total.get(),
            panics: metrics.panics_total.get(),
        }
    }

    fn since(self, earlier: Self) -> Self {
        Self {
            slow_consumers: self.slow_consumers - earlier.slow_consumers,
            heartbeat_timeouts: self.heartbeat_timeouts - earlier.heartbeat_timeouts,
            write_timeouts: self.write_timeouts - earlier.write_timeouts,
            panics: self.panics - earlier.panics,
        }
    }
}

/// What was logged last.
#[derive(Debug, Default)]
struct Journal {
    is_full: bool,
    looks: u32,
    summed_up: Ended,
}

impl Journal {
    /// Whether the server has become full, or has room again. It has room when a twentieth is free,
    /// so that clients that come and go do not fill the log.
    fn fullness(&mut self, connections: usize, max: usize) -> Option<bool> {
        let is_full = if self.is_full {
            connections >= max - max / 20
        } else {
            connections >= max
        };
        let has_changed = max > 0 && is_full != self.is_full;
        has_changed.then(|| {
            self.is_full = is_full;
            is_full
        })
    }

    /// The connections that were ended in the last minute, once per minute and if there are any.
    fn summary(&mut self, so_far: Ended) -> Option<Ended> {
        self.looks += 1;
        if self.looks < LOOKS_PER_SUMMARY {
            return None;
        }
        self.looks = 0;
        let ended = so_far.since(self.summed_up);
        self.summed_up = so_far;
        (ended != Ended::default()).then_some(ended)
    }
}

/// Writes the log until it is dropped.
pub(super) async fn keep(server: &WebSocketServer) -> Infallible {
    let max = server.config().connections.max;
    let mut journal = Journal::default();
    let mut looks = interval(LOOK_INTERVAL);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        let connections = server.node.links();
        match journal.fullness(connections, max) {
            Some(true) => tracing::warn!(connections, max, "full: new connections are refused"),
            Some(false) => tracing::info!(connections, max, "room for new connections again"),
            None => {}
        }
        if let Some(ended) = journal.summary(Ended::so_far(server)) {
            tracing::warn!(
                slow_consumers = ended.slow_consumers,
                heartbeat_timeouts = ended.heartbeat_timeouts,
                write_timeouts = ended.write_timeouts,
                panics = ended.panics,
                "connections ended in the last minute",
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Write as _};
    use std::sync::{Arc, Mutex};

    use tokio::time::timeout;
    use tracing::field::{Field, Visit};
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;
    use crate::config::WebSocketConfig;

    /// What was logged.
    #[derive(Debug, Clone, Default)]
    struct Lines(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Lines {
        fn enabled(&self, metadata: &Metadata<'_>) -> bool {
            metadata.target().starts_with("wavecast")
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let mut line = Line(event.metadata().level().to_string());
            event.record(&mut line);
            self.0.lock().unwrap().push(line.0);
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    struct Line(String);

    impl Visit for Line {
        fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
            let _ = write!(self.0, " {field}={value:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_log_says_once_how_many_connections_ended_in_a_minute() {
        let server = WebSocketServer::new(WebSocketConfig::default());
        server.node.metrics().slow_consumers_total.add(2);
        let lines = Lines::default();
        let _logged = tracing::subscriber::set_default(lines.clone());
        let minutes = LOOK_INTERVAL * LOOKS_PER_SUMMARY * 3;
        let kept = timeout(minutes, keep(&server)).await;
        assert!(kept.is_err(), "it goes on");
        let line = "WARN message=connections ended in the last minute slow_consumers=2 \
                    heartbeat_timeouts=0 write_timeouts=0 panics=0";
        assert_eq!(*lines.0.lock().unwrap(), [line]);
    }

    #[test]
    fn being_full_is_told_once_and_so_is_having_room_again() {
        let mut journal = Journal::default();
        let mut told = |connections| journal.fullness(connections, 100);
        assert_eq!([0, 99].map(&mut told), [None, None]);
        assert_eq!(
            [100, 101, 99, 96, 95].map(&mut told),
            [Some(true), None, None, None, None]
        );
        assert_eq!(
            [94, 99, 100].map(&mut told),
            [Some(false), None, Some(true)]
        );
        let mut journal = Journal::default();
        let mut told = |connections| journal.fullness(connections, 1);
        assert_eq!(
            [1, 0, 1].map(&mut told),
            [Some(true), Some(false), Some(true)]
        );
        assert_eq!(Journal::default().fullness(5, 0), None, "there is no limit");
    }

    #[test]
    fn ended_connections_are_summed_up_once_per_minute() {
        let mut journal = Journal::default();
        let so_far = |panics| Ended {
            panics,
            ..Ended::default()
        };
        let mut minute = |panics| {
            let mut summaries = (0..LOOKS_PER_SUMMARY).map(|_| journal.summary(so_far(panics)));
            summaries.by_ref().flatten().next()
        };
        assert_eq!(minute(0), None);
        assert_eq!(minute(3), Some(so_far(3)));
        assert_eq!(minute(3), None);
        assert_eq!(minute(5), Some(so_far(2)));
    }
}
