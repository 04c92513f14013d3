//! A summary in Markdown, for the summary page of a CI job.

use super::escape::markdown;
use crate::result::metric::{Distribution, Metric, Unit};
use crate::result::run_result::RunResult;
use std::fmt::Write;

/// Renders verdict, failures with evidence, assertions, latencies and command.
pub(crate) fn render(result: &RunResult) -> String {
    let verdict = match (result.passed, result.valid) {
        (false, _) => "❌ FAIL",
        (true, false) => "⚠️ TAINTED",
        (true, true) => "✅ PASS",
    };
    let run = &result.run;
    let mut text = format!(
        "## {verdict} · loadtest {}\n\n{} · {:.1} s · seed {} · run {}\n",
        markdown(&run.scenario),
        markdown(&run.target),
        run.duration_s,
        run.seed,
        markdown(&run.id)
    );
    if !result.valid {
        text.push_str("\n> [!WARNING]\n> The tester itself was the bottleneck, so these are not the latencies of the server.\n");
        for reason in &result.taint {
            let _ = writeln!(text, "> - {}", markdown(reason));
        }
    }
    failures(&mut text, result);
    assertions(&mut text, result);
    distributions(&mut text, result);
    stages(&mut text, result);
    if let Some(server) = &result.server {
        let per_connection = server.kib_per_conn.map_or(String::new(), |kib| {
            format!(", {kib:.1} KiB per connection")
        });
        let _ = writeln!(
            text,
            "\nServer: {:.2} cores on average, {:.2} peak, {} MiB peak{per_connection}. Leaks: {}.",
            server.cpu_avg,
            server.cpu_peak,
            server.rss_peak_kib / 1024,
            if server.leaks.is_empty() {
                "none".to_owned()
            } else {
                markdown(&server.leaks.join("; "))
            }
        );
    }
    let _ = writeln!(
        text,
        "\nTester: {:.2} cores, send lag p99 {:.1} ms.\n\n{}",
        result.tester.cpu_avg,
        result.tester.send_lag_p99_ms,
        fenced(&run.cmd)
    );
    text
}

fn failures(text: &mut String, result: &RunResult) {
    for failure in &result.failures {
        let actual = result
            .assertions
            .iter()
            .find(|assertion| assertion.expr == failure.expr)
            .map_or(String::new(), |assertion| {
                format!(" got {}", markdown(&assertion.actual))
            });
        let _ = writeln!(text, "\n**{}**{actual}\n", markdown(&failure.expr));
        for line in &failure.evidence {
            let _ = writeln!(text, "- {}", markdown(line));
        }
        if !failure.replay.is_empty() {
            let _ = writeln!(text, "\n{}", fenced(&failure.replay));
        }
    }
}

fn assertions(text: &mut String, result: &RunResult) {
    if result.assertions.is_empty() {
        return;
    }
    text.push_str("\n| | assertion | measured |\n|---|---|---:|\n");
    for assertion in &result.assertions {
        let _ = writeln!(
            text,
            "| {} | {} | {} |",
            if assertion.ok { "✅" } else { "❌" },
            markdown(&assertion.expr),
            markdown(&assertion.actual)
        );
    }
    for skipped in &result.skipped {
        let (expr, reason) = (markdown(&skipped.expr), markdown(&skipped.reason));
        let _ = writeln!(text, "| off | {expr} | {reason} |");
    }
}

fn distributions(text: &mut String, result: &RunResult) {
    let mut head =
        "\n| ms | p50 | p90 | p99 | p99.9 | max | samples |\n|---|---:|---:|---:|---:|---:|---:|\n";
    for (name, metric) in &result.metrics {
        let Metric::Distribution(d) = metric else {
            continue;
        };
        if d.count == 0 || d.unit != Unit::Milliseconds {
            continue;
        }
        text.push_str(std::mem::take(&mut head));
        let Distribution {
            p50,
            p90,
            p99,
            p999,
            max,
            count,
            ..
        } = d;
        let _ = write!(text, "| {} |", markdown(name));
        for value in [p50, p90, p99, p999, max] {
            let _ = write!(text, " {:.1} |", up(*value));
        }
        let _ = writeln!(text, " {count} |");
    }
}

fn stages(text: &mut String, result: &RunResult) {
    if result.stages.is_empty() {
        return;
    }
    text.push_str("\n| stage | sockets | published | delivered | p50 ms | p99 ms | max ms |\n|---|---:|---:|---:|---:|---:|---:|\n");
    for row in &result.stages {
        let open = row
            .open
            .map_or_else(|| "-".to_owned(), |open| open.to_string());
        let _ = write!(
            text,
            "| {} | {open} | {} | {} |",
            markdown(&row.stage),
            row.published,
            row.received
        );
        for value in [row.delivery.p50, row.delivery.p99, row.delivery.max] {
            let _ = match row.delivery.count {
                0 => write!(text, " - |"),
                _ => write!(text, " {:.1} |", up(value)),
            };
        }
        text.push('\n');
    }
}

/// Rounded up to a tenth, never down.
fn up(value: f64) -> f64 {
    (value * 10.0 - 1e-9).ceil() / 10.0
}

/// A code block with a fence that is longer than any run of backticks in it.
fn fenced(code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}console\n{code}\n{fence}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;
    use crate::result::run_result::Skipped;

    #[test]
    fn leads_with_the_verdict_and_the_evidence() {
        let text = render(&sample::failed());
        assert!(
            text.starts_with("## ❌ FAIL · loadtest broadcast\n"),
            "{text}"
        );
        assert!(
            text.contains("**loss.silent==0** got 3\n\n- conn 812"),
            "{text}"
        );
        assert!(text.contains("| ✅ | delivery.p99&lt;250ms |"), "{text}");
        assert!(text.contains("| delivery |"), "{text}");
    }

    #[test]
    fn shows_each_stage() {
        let mut result = sample::passed();
        assert!(!render(&result).contains("| stage |"));
        result.stages = sample::stages();
        let text = render(&result);
        let rows = "| 1k\\@30s | 1000 | 3000 | 1500000 | 1.3 | 4.1 | 9.0 |\n| 0\\@1ms | - | 0 | 0 | - | - | - |\n";
        assert!(text.contains(rows), "{text}");
    }

    #[test]
    fn names_why_a_run_is_tainted() {
        let mut result = sample::passed();
        result.valid = false;
        result.taint = vec!["send lag p99 40ms".to_owned()];
        assert!(render(&result).contains("> - send lag p99 40ms\n"));
    }

    #[test]
    fn fences_code_that_has_fences() {
        assert!(fenced("a ``` b").starts_with("````console\n"));
    }

    #[test]
    fn shows_what_is_not_asserted() {
        let mut result = sample::passed();
        result.skipped = vec![Skipped {
            expr: "gaps.excess==0".to_owned(),
            reason: "no gaps".to_owned(),
        }];
        let text = render(&result);
        assert!(
            text.contains("| off | gaps.excess==0 | no gaps |\n"),
            "{text}"
        );
    }
}
