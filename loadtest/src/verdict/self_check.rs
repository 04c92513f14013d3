//! Whether the tester kept up: when it did not, the latencies are its own.

use crate::result::metric::Distribution;
use crate::result::run_result::Tester;

/// Share of a core above which a worker thread is saturated.
const MAX_CPU: f64 = 0.9;
/// Lateness that is no fault on a machine with other work.
const FORGIVEN_MS: f64 = 20.0;
/// Share of the delivery's 99 % above which lateness is a fault.
const MAX_SHARE: f64 = 0.1;

/// What is wrong, one sentence each. `worker_cpu` is the mean of the workers, in cores each.
pub(crate) fn reasons(tester: &Tester, worker_cpu: f64, delivery: &Distribution) -> Vec<String> {
    let mut reasons = Vec::new();
    if worker_cpu > MAX_CPU {
        reasons.push(format!(
            "its workers used {:.0} % of a core each; more of them (--workers) or fewer events would help",
            worker_cpu * 100.0
        ));
    }
    let limit = (delivery.p99 * MAX_SHARE).max(FORGIVEN_MS);
    let mut late = |what: &str, p99: f64| {
        if p99 > limit {
            reasons.push(format!(
                "{what} was {p99:.1} ms late at 99 % (limit {limit:.1} ms)"
            ));
        }
    };
    if delivery.count > 0 {
        late("sending", tester.send_lag_p99_ms);
        late("a worker's loop", tester.loop_lag_p99_ms);
    }
    reasons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distrusts_a_tester_that_was_busy_or_late() {
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
        let slow = Distribution {
            p99: 2000.0,
            ..delivery
        };
        assert!(reasons(&tester, 0.5, &slow).is_empty());
    }
}
