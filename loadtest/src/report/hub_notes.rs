//! What goes with a comparison of hubs: what to know before believing it, and what it does not know.

use super::hub_runs::HubRuns;

/// What a reader should know before believing the tables.
pub(super) fn warnings(hubs: &[HubRuns]) -> Vec<String> {
    let mut warnings = Vec::new();
    let tainted: Vec<(&str, usize)> = hubs
        .iter()
        .map(|hub| {
            let invalid = hub.runs.iter().filter(|run| !run.valid);
            (hub.name.as_str(), invalid.count())
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    if !tainted.is_empty() {
        let sum: usize = tainted.iter().map(|(_, count)| count).sum();
        let all: usize = hubs.iter().map(|hub| hub.runs.len()).sum();
        let each: Vec<String> = tainted
            .iter()
            .map(|(name, count)| format!("{name} {count}"))
            .collect();
        warnings.push(format!(
            "In {sum} of {all} runs ({}) the tester could not keep up, so their latencies are partly its own. \
             Do not quote them; repeat the runs on a machine with less other work.",
            each.join(", ")
        ));
    }
    for hub in hubs {
        if hub.runs.iter().any(|run| run.server.is_none()) {
            warnings.push(format!(
                "{}: its process was not watched, so there are no costs.",
                hub.name
            ));
        }
        let failed = hub.runs.iter().flat_map(|run| &run.failures);
        let mut failed: Vec<&str> = failed.map(|failure| failure.expr.as_str()).collect();
        failed.sort_unstable();
        failed.dedup();
        if !failed.is_empty() {
            warnings.push(format!("{}: failed {}.", hub.name, failed.join(", ")));
        }
    }
    warnings
}

/// What the tester cannot know of each hub.
pub(super) fn not_asserted(hubs: &[HubRuns]) -> Vec<String> {
    let first_runs = hubs.iter().filter_map(|hub| Some((hub, hub.runs.first()?)));
    first_runs
        .flat_map(|(hub, run)| {
            run.skipped.iter().map(|skipped| {
                let names_hub = skipped.reason.starts_with(&hub.name);
                let name = if names_hub {
                    String::new()
                } else {
                    format!("{}: ", hub.name)
                };
                format!("{name}{} ({}).", skipped.reason, skipped.expr)
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::result::run_result::Skipped;

    #[test]
    fn warns_of_bad_runs_and_says_what_it_does_not_know() {
        let mut bad = sample::failed();
        bad.valid = false;
        bad.server = None;
        let skipped = |expr: &str, reason: &str| Skipped {
            expr: expr.to_owned(),
            reason: reason.to_owned(),
        };
        bad.skipped = vec![
            skipped("gaps.excess==0", "b announces no gaps"),
            skipped("close codes", "they are not known"),
        ];
        let hubs = [
            HubRuns {
                name: "a".to_owned(),
                runs: vec![sample::passed()],
            },
            HubRuns {
                name: "b".to_owned(),
                runs: vec![bad, sample::passed()],
            },
        ];
        assert_eq!(
            warnings(&hubs),
            [
                "In 1 of 3 runs (b 1) the tester could not keep up, so their latencies are partly its own. \
                 Do not quote them; repeat the runs on a machine with less other work.",
                "b: its process was not watched, so there are no costs.",
                "b: failed loss.silent==0.",
            ]
        );
        assert_eq!(
            not_asserted(&hubs),
            [
                "b announces no gaps (gaps.excess==0).",
                "b: they are not known (close codes).",
            ]
        );
        assert_eq!(warnings(&hubs[..1]), [""; 0]);
    }
}
