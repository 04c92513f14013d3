//! Whether the tester itself kept up. If not, the latencies are partly its own, and the run is tainted.

use crate::result::metric::Distribution;
use crate::result::run_result::Tester;

/// A worker thread that uses more of a core than this is saturated.
const MAX_CPU: f64 = 0.9;
/// Lateness up to this is tolerated: the machine may be doing other work.
const TOLERATED_MS: f64 = 20.0;
/// Lateness up to this share of the 99th percentile of delivery is tolerated, too.
const MAX_SHARE: f64 = 0.1;

/// Why the run is tainted, one sentence per reason. `worker_cpu` is the average of the workers, in cores.
pub(crate) fn reasons(tester: &Tester, worker_cpu: f64, delivery: &Distribution) -> Vec<String> {
    let mut reasons = Vec::new();
    if worker_cpu > MAX_CPU {
        reasons.push(format!(
            "its workers used {:.0} % of a core each; use more workers (--workers) or fewer events",
            worker_cpu * 100.0
        ));
    }
    let limit = (delivery.p99 * MAX_SHARE).max(TOLERATED_MS);
    let mut late = |what: &str, p99: f64| {
        if p99 > limit {
            reasons.push(format!(
                "{what} was {p99:.1} ms late at p99 (limit {limit:.1} ms)"
            ));
        }
    };
    if delivery.count > 0 {
        late("sending", tester.send_lag_p99_ms);
        late("the event loop of a worker", tester.loop_lag_p99_ms);
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_tainted_by_a_busy_or_late_tester() {
        let mut tester = Tester::default();
        let delivery = Distribution {
            count: 1,
            p99: 50.0,
            ..Distribution::default()
        };
        assert!(reasons(&tester, 0.5, &delivery).is_empty());
        assert_eq!(reasons(&tester, 0.95, &delivery).len(), 1);
        tester.send_lag_p99_ms = 21.0;
        assert_eq!(reasons(&tester, 0.5, &delivery).len(), 1);
        tester.loop_lag_p99_ms = 21.0;
        assert_eq!(reasons(&tester, 0.5, &delivery).len(), 2);
        let slow = Distribution {
            p99: 2000.0,
            ..delivery
        };
        assert!(reasons(&tester, 0.5, &slow).is_empty());
    }

    #[test]
    fn tolerates_exactly_what_is_documented() {
        // The README: workers over 90 % of a core, or late by more than 20 ms and a tenth of the delivery's p99.
        for (worker_cpu, lag_ms, delivery_ms, is_tainted) in [
            (0.9, 0.0, 1.0, false),
            (0.901, 0.0, 1.0, true),
            (0.0, 20.0, 1.0, false),
            (0.0, 20.1, 1.0, true),
            (0.0, 20.1, 200.0, true),
            (0.0, 20.1, 201.0, false),
            (0.0, 100.0, 1000.0, false),
            (0.0, 100.1, 1000.0, true),
        ] {
            let delivery = Distribution {
                count: 1,
                p99: delivery_ms,
                ..Distribution::default()
            };
            let late = |send_lag_p99_ms, loop_lag_p99_ms| Tester {
                send_lag_p99_ms,
                loop_lag_p99_ms,
                ..Tester::default()
            };
            for tester in [late(lag_ms, 0.0), late(0.0, lag_ms)] {
                let reasons = reasons(&tester, worker_cpu, &delivery);
                let case = format!("{worker_cpu} {delivery_ms} {tester:?}: {reasons:?}");
                assert_eq!(!reasons.is_empty(), is_tainted, "{case}");
            }
        }
    }

    #[test]
    fn says_why_a_run_is_tainted() {
        let tester = Tester {
            send_lag_p99_ms: 61.0,
            loop_lag_p99_ms: 72.0,
            ..Tester::default()
        };
        let delivery = Distribution {
            count: 1,
            p99: 500.0,
            ..Distribution::default()
        };
        let reasons = |delivery| super::reasons(&tester, 0.95, delivery);
        assert_eq!(
            reasons(&delivery),
            [
                "its workers used 95 % of a core each; use more workers (--workers) or fewer events",
                "sending was 61.0 ms late at p99 (limit 50.0 ms)",
                "the event loop of a worker was 72.0 ms late at p99 (limit 50.0 ms)",
            ]
        );
        // A run without deliveries has no latency that lateness could spoil.
        assert_eq!(reasons(&Distribution::default()).len(), 1);
    }
}
