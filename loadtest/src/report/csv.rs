//! The time series as CSV.

use crate::result::run_result::RunResult;
use std::fmt::{Display, Write};

/// A header and one row per second. A cell is empty if nothing was measured.
pub(crate) fn render(result: &RunResult) -> String {
    let mut text = String::from(
        "at_s,open,published,received,p50_ms,p99_ms,server_cpu,server_rss_kib,server_fds,tester_cpu\n",
    );
    for row in &result.timeseries {
        let _ = writeln!(
            text,
            "{:.3},{},{},{},{},{},{},{},{},{:.3}",
            row.at_s,
            row.open,
            row.published,
            row.received,
            cell(row.p50_ms),
            cell(row.p99_ms),
            cell(row.server_cpu),
            cell(row.server_rss_kib),
            cell(row.server_fds),
            row.tester_cpu,
        );
    }
    text
}

fn cell(value: Option<impl Display>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::result::run_result::Row;

    #[test]
    fn leaves_a_cell_empty_if_nothing_was_measured() {
        let result = RunResult {
            timeseries: vec![Row {
                at_s: 1.0,
                open: 500,
                p50_ms: Some(1.25),
                tester_cpu: 0.5,
                ..Row::default()
            }],
            ..RunResult::default()
        };
        let text = render(&result);
        assert_eq!(text.lines().nth(1), Some("1.000,500,0,0,1.25,,,,,0.500"));
    }
}
