//! Incidents as marks on the time axis: closes, evictions, losses, and when the tester fell behind.

use crate::books::classes::{Classes, describe};
use crate::books::totals::Totals;
use crate::result::run_result::Mark;

/// After this many seconds without a case, the next one gets its own mark.
const APART_S: f64 = 3.0;
/// Maximum number of marks per kind. Later cases are added to the last one.
const MAX: usize = 50;

/// Incidents of one kind. Cases that follow each other closely share a mark.
#[derive(Debug)]
struct IncidentSeries {
    kind: &'static str,
    /// All cases so far.
    known: Classes,
    /// The last mark: the cases that it counts, its index, and the time of its latest case.
    open: Option<(Classes, usize, f64)>,
    marks: usize,
}

impl IncidentSeries {
    fn new(kind: &'static str) -> Self {
        Self {
            kind,
            known: Classes::new(),
            open: None,
            marks: 0,
        }
    }

    fn observe(&mut self, at_s: f64, all: Classes, marks: &mut Vec<Mark>) {
        let mut fresh = all.clone();
        fresh.retain(|class, count| {
            *count -= self.known.get(class).copied().unwrap_or(0).min(*count);
            *count > 0
        });
        self.known = all;
        if fresh.is_empty() {
            return;
        }
        let near = |last: f64| at_s - last <= APART_S || self.marks >= MAX;
        match &mut self.open {
            Some((counted, place, last)) if near(*last) => {
                for (class, count) in fresh {
                    *counted.entry(class).or_default() += count;
                }
                *last = at_s;
                marks[*place].label = describe(counted);
            }
            open => {
                self.marks += 1;
                marks.push(Mark {
                    at_s,
                    kind: self.kind.to_owned(),
                    label: describe(&fresh),
                });
                *open = Some((fresh, marks.len() - 1, at_s));
            }
        }
    }
}

/// Compares the totals with those of the last second.
#[derive(Debug)]
pub(crate) struct Incidents {
    closes: IncidentSeries,
    evictions: IncidentSeries,
    losses: IncidentSeries,
    tainted: bool,
}

impl Incidents {
    pub(crate) fn new() -> Self {
        Self {
            closes: IncidentSeries::new("close"),
            evictions: IncidentSeries::new("eviction"),
            losses: IncidentSeries::new("loss"),
            tainted: false,
        }
    }

    /// Adds marks for what has happened since the last call. `marks` may have grown meanwhile, but must not have shrunk.
    pub(crate) fn observe(
        &mut self,
        at_s: f64,
        totals: &Totals,
        taint: &[String],
        marks: &mut Vec<Mark>,
    ) {
        let worker = &totals.worker;
        self.closes.observe(at_s, worker.closed.clone(), marks);
        let counts = |counts: &[(&str, u64)]| {
            let all = counts.iter().filter(|(_, count)| *count > 0);
            all.map(|&(class, count)| (class.to_owned(), count))
                .collect()
        };
        let ended = counts(&[
            ("slow closed", worker.slow.closed),
            ("unresponsive closed", worker.unresponsive.closed),
        ]);
        self.evictions.observe(at_s, ended, marks);
        self.losses
            .observe(at_s, counts(&[("lost", worker.lost)]), marks);
        if self.tainted == taint.is_empty() {
            self.tainted = !taint.is_empty();
            let label = taint
                .first()
                .map_or("the tester keeps up again", String::as_str);
            marks.push(Mark {
                at_s,
                kind: "taint".to_owned(),
                label: label.to_owned(),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::classes::count_class;

    fn labels(marks: &[Mark]) -> Vec<(f64, &str, &str)> {
        marks
            .iter()
            .map(|mark| (mark.at_s, mark.kind.as_str(), mark.label.as_str()))
            .collect()
    }

    #[test]
    fn merges_closes_that_follow_each_other_closely() {
        let (mut totals, mut marks) = (Totals::default(), Vec::new());
        let mut incidents = Incidents::new();
        incidents.observe(1.0, &totals, &[], &mut marks);
        assert!(marks.is_empty());
        for at_s in [2.0, 3.0, 20.0] {
            count_class(&mut totals.worker.closed, "close 1013 slow");
            incidents.observe(at_s, &totals, &[], &mut marks);
            incidents.observe(at_s + 0.5, &totals, &[], &mut marks);
        }
        assert_eq!(
            labels(&marks),
            [
                (2.0, "close", "2 close 1013 slow"),
                (20.0, "close", "1 close 1013 slow")
            ]
        );
    }

    #[test]
    fn marks_evictions_losses_and_where_the_tester_fell_behind() {
        let (mut totals, mut marks) = (Totals::default(), Vec::new());
        let mut incidents = Incidents::new();
        totals.worker.slow.closed = 3;
        incidents.observe(5.0, &totals, &[], &mut marks);
        totals.worker.lost = 2;
        let reason = ["late".to_owned()];
        incidents.observe(6.0, &totals, &reason, &mut marks);
        incidents.observe(7.0, &totals, &reason, &mut marks);
        incidents.observe(8.0, &totals, &[], &mut marks);
        assert_eq!(
            labels(&marks),
            [
                (5.0, "eviction", "3 slow closed"),
                (6.0, "loss", "2 lost"),
                (6.0, "taint", "late"),
                (8.0, "taint", "the tester keeps up again")
            ]
        );
    }

    #[test]
    fn limits_the_number_of_marks() {
        let (mut totals, mut marks) = (Totals::default(), Vec::new());
        let mut incidents = Incidents::new();
        for n in 1..=1000_u32 {
            totals.worker.lost += 1;
            incidents.observe(f64::from(n) * 10.0, &totals, &[], &mut marks);
        }
        assert_eq!(marks.len(), MAX);
        assert_eq!(marks[MAX - 1].label, "951 lost");
    }
}
