//! The names of all metrics, so that a misspelt assertion fails before the run and not after it.

/// Metrics that are one number.
const VALUES: &[&str] = &[
    "announcements",
    "announcements.difference",
    "attacks.made",
    "attacks.wrong",
    "books.difference",
    "churn.returned",
    "churn.stuck",
    "closes.unexpected",
    "connect.errors",
    "conns.peak",
    "conns.ready",
    "dups",
    "errors",
    "expected",
    "foreign",
    "gaps.excess",
    "loss.declared",
    "loss.silent",
    "malformed",
    "notices",
    "pings",
    "publish.accepted",
    "publish.errors",
    "publish.unsent",
    "received",
    "received.rate",
    "recovery.recovered",
    "recovery.refused",
    "recovery.wrong",
    "reorders",
    "server.cpu",
    "server.evictions_uncounted",
    "server.fds",
    "server.kib_per_conn",
    "server.leaks",
    "server.rss",
    "server.rss_slope",
    "slow.isolation",
    "storm.dropped",
    "storm.in_flight",
    "storm.missing",
    "storm.slowest_second",
    "storm.t99",
    "subscribers.checked",
    "subscribers.mismatch",
    "tester.worker_cpu",
];
/// Metrics that are distributions.
const DISTRIBUTIONS: &[&str] = &[
    "connect.ready",
    "delivery",
    "heartbeat.close",
    "loop.lag",
    "publish.ack",
    "send.lag",
    "slow.evict",
    "storm.return",
    "transit",
];
/// Metrics of scripted scenarios that are one number.
const SCENES: &[&str] = &[
    "expired.early",
    "expired.miscoded",
    "expired.survivors",
    "expired.unwarned",
    "expired.warning_spread",
    "presence.joins",
    "presence.rest_difference",
    "presence.storm_excess",
    "presence.storm_messages",
    "presence.storm_told",
    "presence.storm_wrong",
    "presence.unfit",
    "presence.wrong",
    "refresh.refused",
    "refresh.unanswered",
    "revoked.admitted",
    "revoked.errors",
    "revoked.late",
    "revoked.miscoded",
    "revoked.survivors",
];
/// Their distributions.
const SCENE_DISTRIBUTIONS: &[&str] = &["presence.lag", "refresh"];
/// Figures of a distribution.
pub(super) const FIGURES: &[&str] = &[
    "count", "p50", "p90", "p99", "p999", "p99.9", "p9999", "max", "mean",
];
/// Figures about sockets that must be closed.
const CLOSES: &[&str] = &[
    "doomed",
    "closed",
    "survivors",
    "early",
    "late",
    "coded",
    "miscoded",
];

/// Whether an assertion can be about this.
///
/// # Errors
/// It cannot, and what can.
pub(crate) fn check(subject: &str) -> Result<(), String> {
    let is_close = ["slow.", "heartbeat."].iter().any(|prefix| {
        subject
            .strip_prefix(prefix)
            .is_some_and(|figure| CLOSES.contains(&figure))
    });
    if VALUES.contains(&subject) || SCENES.contains(&subject) || is_close {
        return Ok(());
    }
    if DISTRIBUTIONS.contains(&subject) || SCENE_DISTRIBUTIONS.contains(&subject) {
        return Err(format!(
            "`{subject}` is a distribution: give one of its figures, such as {subject}.p99"
        ));
    }
    let of_distribution = DISTRIBUTIONS
        .iter()
        .chain(SCENE_DISTRIBUTIONS)
        .find_map(|name| subject.strip_prefix(name)?.strip_prefix('.'));
    match of_distribution {
        Some(figure) if FIGURES.contains(&figure) => Ok(()),
        Some(figure) => Err(format!(
            "`{figure}` is not a figure of a distribution (known: {})",
            FIGURES.join(", ")
        )),
        None => {
            let known: Vec<&str> = VALUES.iter().chain(DISTRIBUTIONS).copied().collect();
            Err(format!(
                "there is no metric `{subject}` (known: {})",
                known.join(", ")
            ))
        }
    }
}

/// Whether it is the name of a metric.
#[cfg(test)]
pub(crate) fn is_known(metric: &str) -> bool {
    check(metric).is_ok() || DISTRIBUTIONS.contains(&metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_metrics_and_figures() {
        for subject in [
            "loss.silent",
            "delivery.p99",
            "delivery.p99.9",
            "slow.early",
            "dups",
        ] {
            assert_eq!(check(subject), Ok(()), "{subject}");
        }
        for (subject, why) in [
            ("loss.silnt", "there is no metric"),
            ("delivery", "delivery.p99"),
            ("delivery.p98", "not a figure"),
            ("slow.p99", "there is no metric"),
        ] {
            assert!(
                check(subject).is_err_and(|error| error.contains(why)),
                "{subject}"
            );
        }
    }
}
