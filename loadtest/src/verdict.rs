//! PASS or FAIL: the checks every run must hold.

use crate::plan::Plan;
use crate::progress::Totals;
use crate::tally::{Kind, describe, total};

/// One check and what was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) kind: Kind,
    pub(crate) name: &'static str,
    pub(crate) ok: bool,
    pub(crate) actual: String,
}

/// All checks of a run. One that was not `finished` need not have opened and sent everything.
pub(crate) fn checks(plan: &Plan, totals: &Totals, finished: bool) -> Vec<Check> {
    let (worker, publisher) = (&totals.worker, &totals.publisher);
    let none = |kind, name, count: u64| Check {
        kind,
        name,
        ok: count == 0,
        actual: count.to_string(),
    };
    let classes = |kind, name, classes| Check {
        kind,
        name,
        ok: total(classes) == 0,
        actual: match total(classes) {
            0 => "0".to_owned(),
            _ => describe(classes),
        },
    };
    let unsent = plan
        .publications()
        .saturating_sub(publisher.accepted + total(&publisher.failed));
    vec![
        Check {
            kind: Kind::Open,
            name: "connections open",
            ok: worker.opened == u64::from(plan.connections) || !finished,
            actual: format!("{} of {}", worker.opened, plan.connections),
        },
        classes(Kind::Connect, "connects failed", &worker.connect_failed),
        classes(Kind::Close, "unexpected closes", &worker.closed),
        classes(Kind::Publication, "publications failed", &publisher.failed),
        Check {
            kind: Kind::Unsent,
            name: "publications not sent in time",
            ok: unsent == 0 || !finished,
            actual: unsent.to_string(),
        },
        none(Kind::Loss, "silent losses", worker.lost),
        none(
            Kind::Missed,
            "missed by closed sockets",
            worker.missed_by_closed,
        ),
        none(Kind::Duplicate, "duplicates", worker.duplicates),
        none(Kind::Reorder, "reorders", worker.reorders),
        none(Kind::Foreign, "foreign messages", worker.foreign),
        none(Kind::Malformed, "malformed messages", worker.malformed),
        none(Kind::Error, "errors from the server", worker.errors),
        none(
            Kind::Subscribers,
            "subscriber count mismatches",
            publisher.mismatches,
        ),
        // Books and ledger are kept apart; what was received and what is missing must add up to what was due.
        Check {
            kind: Kind::Sum,
            name: "received + missing = expected",
            ok: worker.received + worker.lost + worker.missed_by_closed == publisher.expected
                || publisher.uncertain > 0,
            actual: format!(
                "{} + {} of {}",
                worker.received,
                worker.lost + worker.missed_by_closed,
                publisher.expected
            ),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::tests::plan;

    fn failed(totals: &Totals) -> Vec<&'static str> {
        checks(&plan(2, 1, 1, 1), totals, true)
            .into_iter()
            .filter(|check| !check.ok)
            .map(|check| check.name)
            .collect()
    }

    #[test]
    fn passes_only_when_everything_arrived_once() {
        let mut totals = Totals::default();
        totals.worker.opened = 2;
        totals.worker.received = 200;
        totals.publisher.accepted = 100;
        totals.publisher.expected = 200;
        assert!(failed(&totals).is_empty());
        totals.worker.duplicates = 1;
        assert_eq!(failed(&totals), ["duplicates"]);
    }

    #[test]
    fn does_not_pass_a_run_that_did_nothing() {
        assert_eq!(
            failed(&Totals::default()),
            ["connections open", "publications not sent in time"]
        );
    }
}
