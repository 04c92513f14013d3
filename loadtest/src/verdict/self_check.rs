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
}
