//! Stages: how the number of sockets and the rate change during a run.

use super::segment::Ramp;
use std::time::Duration;

/// One stage, as the user gives it. In its time, sockets and rate move evenly to its targets.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stage {
    /// As it was given: `10k@2m`.
    pub(crate) text: String,
    /// The number of sockets at its end. `None` leaves it as it is.
    pub(crate) connections: Option<u32>,
    /// Publications per second at its end. `None` leaves them as they are.
    pub(crate) rate: Option<f64>,
    pub(crate) time: Duration,
}

/// The stages of a run, one after the other. Without any, sockets are opened before the first publication and the rate is
/// constant.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Stages {
    spans: Vec<Span>,
    has_connections: bool,
    has_rates: bool,
}

/// A stage with what it starts from.
#[derive(Clone, Debug, PartialEq)]
struct Span {
    text: String,
    from: Duration,
    to: Duration,
    connections: (u32, u32),
    rates: (f64, f64),
}

impl Span {
    fn seconds(&self) -> f64 {
        self.to.saturating_sub(self.from).as_secs_f64()
    }

    /// How much of it is over, from 0 to 1.
    fn progress(&self, elapsed: Duration) -> f64 {
        if elapsed >= self.to {
            return 1.0;
        }
        elapsed.saturating_sub(self.from).as_secs_f64() / self.seconds()
    }
}

impl Stages {
    /// The stages in order. The first one starts from no sockets and no publications.
    pub(crate) fn new(stages: Vec<Stage>) -> Self {
        let has_connections = stages.iter().any(|stage| stage.connections.is_some());
        let has_rates = stages.iter().any(|stage| stage.rate.is_some());
        let (mut at, mut connections, mut rate) = (Duration::ZERO, 0, 0.0);
        let spans = stages.into_iter().map(|stage| {
            let span = Span {
                text: stage.text,
                from: at,
                to: at + stage.time,
                connections: (connections, stage.connections.unwrap_or(connections)),
                rates: (rate, stage.rate.unwrap_or(rate)),
            };
            (at, connections, rate) = (span.to, span.connections.1, span.rates.1);
            span
        });
        Self {
            spans: spans.collect(),
            has_connections,
            has_rates,
        }
    }

    /// Whether the run has no stages.
    pub(crate) fn are_none(&self) -> bool {
        self.spans.is_empty()
    }

    /// Number of stages.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether sockets are opened and closed in stages, and not before the first publication.
    pub(crate) fn set_connections(&self) -> bool {
        self.has_connections
    }

    /// Whether the rate changes in stages.
    pub(crate) fn set_rates(&self) -> bool {
        self.has_rates
    }

    /// Whether sockets are closed before the end.
    pub(crate) fn close_sockets(&self) -> bool {
        let mut spans = self.spans.iter();
        spans.any(|span| span.connections.1 < span.connections.0)
    }

    /// The time of all stages together.
    pub(crate) fn duration(&self) -> Duration {
        self.spans.last().map_or(Duration::ZERO, |last| last.to)
    }

    /// The highest number of sockets.
    pub(crate) fn most_connections(&self) -> u32 {
        let ends = self.spans.iter().map(|span| span.connections.1);
        ends.max().unwrap_or(0)
    }

    /// The highest rate.
    pub(crate) fn highest_rate(&self) -> f64 {
        let ends = self.spans.iter().map(|span| span.rates.1);
        ends.fold(0.0, f64::max)
    }

    /// Number of sockets that are opened in all stages, those counted twice that are opened twice.
    pub(crate) fn openings(&self) -> u32 {
        let opened = self
            .spans
            .iter()
            .map(|span| span.connections.1.saturating_sub(span.connections.0));
        opened.sum()
    }

    /// The stage at a time from the start; the last one after the end.
    pub(crate) fn at(&self, elapsed: Duration) -> usize {
        let over = self.spans.partition_point(|span| span.to <= elapsed);
        over.min(self.spans.len().saturating_sub(1))
    }

    /// When stages begin, in order.
    pub(crate) fn starts(&self) -> impl Iterator<Item = Duration> + '_ {
        self.spans.iter().map(|span| span.from)
    }

    /// A stage as it was given, and when it begins and ends.
    pub(crate) fn describe(&self, stage: usize) -> (&str, Duration, Duration) {
        self.spans
            .get(stage)
            .map_or(("", Duration::ZERO, Duration::ZERO), |span| {
                (&span.text, span.from, span.to)
            })
    }

    /// All stages as they were given.
    pub(crate) fn text(&self) -> String {
        let texts: Vec<&str> = self.spans.iter().map(|span| span.text.as_str()).collect();
        texts.join(",")
    }

    /// The number of sockets at the end of a stage.
    pub(crate) fn connections_after(&self, stage: usize) -> u32 {
        self.spans.get(stage).map_or(0, |span| span.connections.1)
    }

    /// The number of sockets that should be open at a time within a stage. The first of those to open or to close does so at
    /// the beginning of the stage, and the last before its end, so that all are ready when it ends.
    pub(crate) fn connections_at(&self, stage: usize, elapsed: Duration) -> u32 {
        let Some(span) = self.spans.get(stage) else {
            return 0;
        };
        let (from, to) = span.connections;
        let all = from.abs_diff(to);
        let moved = (f64::from(all) * span.progress(elapsed)) as u32 + 1;
        if to > from {
            from + moved.min(all)
        } else {
            from - moved.min(all)
        }
    }

    /// How the rate moves.
    pub(crate) fn ramps(&self) -> Vec<Ramp> {
        let ramp = |span: &Span| {
            let seconds = span.seconds();
            let (from, to) = span.rates;
            Ramp {
                at: span.from,
                rate: from,
                slope: (to - from) / seconds,
            }
        };
        let lasting = self.spans.iter().filter(|span| span.to > span.from);
        lasting.map(ramp).collect()
    }

    /// Number of publications, if the rate is set in stages.
    pub(crate) fn publications(&self) -> f64 {
        let area = |span: &Span| {
            let (from, to) = span.rates;
            f64::midpoint(from, to) * span.seconds()
        };
        self.spans.iter().map(area).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(connections: Option<u32>, rate: Option<f64>, seconds: u64) -> Stage {
        Stage {
            text: format!("{connections:?} {rate:?} {seconds}"),
            connections,
            rate,
            time: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn moves_evenly_to_each_target() {
        let stages = Stages::new(vec![
            stage(Some(100), None, 10),
            stage(None, Some(50.0), 10),
            stage(Some(40), None, 6),
            stage(Some(60), Some(10.0), 0),
            stage(None, None, 4),
        ]);
        let at = |seconds: f64| {
            let elapsed = Duration::from_secs_f64(seconds);
            let stage = stages.at(elapsed);
            (stage, stages.connections_at(stage, elapsed))
        };
        // The first at once, the last before the end.
        assert_eq!((at(0.0), at(0.05), at(0.1)), ((0, 1), (0, 1), (0, 2)));
        assert_eq!((at(5.0), at(9.95), at(10.0)), ((0, 51), (0, 100), (1, 100)));
        assert_eq!((at(20.0), at(23.0), at(25.95)), ((2, 99), (2, 69), (2, 40)));
        assert_eq!((at(26.0), at(30.0), at(99.0)), ((4, 60), (4, 60), (4, 60)));
        assert_eq!(stages.connections_after(3), 60);
        assert_eq!(stages.duration(), Duration::from_secs(30));
        assert_eq!((stages.most_connections(), stages.openings()), (100, 120));
        assert!(stages.close_sockets() && stages.set_connections() && stages.set_rates());
        assert!((stages.highest_rate() - 50.0).abs() < 1e-9);
        // A triangle of 250, two rectangles of 300 and 40.
        assert!((stages.publications() - 590.0).abs() < 1e-9);
        let ramps = stages.ramps();
        let rates: Vec<(u64, f64, f64)> = ramps
            .iter()
            .map(|ramp| (ramp.at.as_secs(), ramp.rate, ramp.slope))
            .collect();
        assert_eq!(
            rates,
            [
                (0, 0.0, 0.0),
                (10, 0.0, 5.0),
                (20, 50.0, 0.0),
                (26, 10.0, 0.0)
            ]
        );
    }

    #[test]
    fn has_nothing_to_say_without_stages() {
        let none = Stages::default();
        assert!(none.are_none() && !none.set_connections() && !none.set_rates());
        assert!(!none.close_sockets() && none.ramps().is_empty());
        assert_eq!((none.len(), none.at(Duration::from_secs(1))), (0, 0));
    }
}
