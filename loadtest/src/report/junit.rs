//! The assertions as test cases, in `JUnit` format.

use super::escape::xml;
use crate::result::run_result::RunResult;
use std::fmt::Write;

/// One test suite. Its first case is that the tester kept up; if the run is tainted, that case has an error.
pub(crate) fn render(result: &RunResult) -> String {
    let failures = result.assertions.iter().filter(|a| !a.ok).count();
    let (tests, errors) = (result.assertions.len() + 1, usize::from(!result.valid));
    let suite = xml(&format!("loadtest.{}", result.run.scenario));
    let seconds = result.run.duration_s;
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds:.3}\">\n  <testsuite name=\"{suite}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{seconds:.3}\">\n    <properties>\n      <property name=\"command\" value=\"{}\"/>\n      <property name=\"seed\" value=\"{}\"/>\n    </properties>\n",
        xml(&result.run.cmd),
        result.run.seed
    );
    case(&mut text, &suite, "the tester kept up", |text| {
        if !result.valid {
            let reasons = xml(&result.taint.join("\n"));
            let _ = writeln!(text, "      <error message=\"tainted\">{reasons}</error>");
        }
    });
    for assertion in &result.assertions {
        case(&mut text, &suite, &assertion.expr, |text| {
            if !assertion.ok {
                let failure = result.failures.iter().find(|f| f.expr == assertion.expr);
                let mut lines = failure.map(|f| f.evidence.clone()).unwrap_or_default();
                lines.extend(
                    failure
                        .filter(|f| !f.replay.is_empty())
                        .map(|f| format!("replay: {}", f.replay)),
                );
                let _ = writeln!(
                    text,
                    "      <failure message=\"got {}\">{}</failure>",
                    xml(&assertion.actual),
                    xml(&lines.join("\n"))
                );
            }
        });
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn case(text: &mut String, suite: &str, name: &str, inside: impl FnOnce(&mut String)) {
    let _ = writeln!(
        text,
        "    <testcase classname=\"{suite}\" name=\"{}\">",
        xml(name)
    );
    inside(text);
    text.push_str("    </testcase>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn has_a_case_for_each_assertion_with_the_evidence_of_a_failed_one() {
        let text = render(&sample::failed());
        assert!(text.contains("failures=\"1\" errors=\"0\""), "{text}");
        assert!(
            text.contains("name=\"delivery.p99&lt;250ms\">\n    </testcase>"),
            "{text}"
        );
        assert!(
            text.contains("<failure message=\"got 3\">conn 812"),
            "{text}"
        );
        assert!(text.contains("replay: loadtest run"));
    }

    #[test]
    fn has_an_error_for_a_tainted_run() {
        let mut result = sample::passed();
        result.valid = false;
        result.taint = vec!["send lag p99 40ms".to_owned()];
        assert!(render(&result).contains("<error message=\"tainted\">send lag p99 40ms</error>"));
    }
}
