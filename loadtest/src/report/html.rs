//! The HTML report: one self-contained page with styles, chart library and data.

use super::error::ReportError;
use super::{escape, hdr};
use crate::result::run_result::RunResult;
use serde_json::json;

const PAGE: &str = include_str!("../../assets/report.html");
const STYLE: &str = include_str!("../../assets/report.css");
const SCRIPT: &str = include_str!("../../assets/report.js");
const UPLOT: &str = include_str!("../../assets/uplot/uPlot.iife.min.js");
const UPLOT_STYLE: &str = include_str!("../../assets/uplot/uPlot.min.css");
const UPLOT_LICENCE: &str = include_str!("../../assets/uplot/LICENSE");

/// Distributions whose percentile curve is shown, in this order, if they were measured.
const CURVES: [&str; 4] = ["delivery", "transit", "fanout.complete", "publish.ack"];

/// Renders the page. Everything from the run is in one JSON element, and the page only uses it as text.
pub(crate) fn render(result: &RunResult) -> Result<String, ReportError> {
    let mut curves = Vec::new();
    for name in CURVES {
        if let Some(stored) = result.histograms.get(name) {
            let histogram = hdr::decode(name, stored)?;
            if !histogram.is_empty() {
                curves.push(json!({ "name": name, "points": hdr::curve(&histogram) }));
            }
        }
    }
    // The page draws the curves; it does not need the full histograms.
    let shown = RunResult {
        histograms: std::collections::BTreeMap::new(),
        ..result.clone()
    };
    let document = json!({ "result": shown, "curves": curves }).to_string();
    let verdict = if result.passed { "PASS" } else { "FAIL" };
    let title = format!("{verdict} {} – loadtest", result.run.scenario);
    Ok(fill(
        PAGE,
        &[
            ("{{title}}", &escape::xml(&title)),
            ("{{uplot_css}}", UPLOT_STYLE),
            ("{{report_css}}", STYLE),
            (
                "{{uplot_js}}",
                &format!("/*\n{}\n*/\n{}", UPLOT_LICENCE.trim(), UPLOT.trim()),
            ),
            ("{{report_js}}", SCRIPT),
            ("{{result}}", &escape::json_in_script(&document)),
        ],
    ))
}

/// Replaces the placeholders in one pass, so that a value that looks like a placeholder is not replaced.
fn fill(page: &str, placeholders: &[(&str, &str)]) -> String {
    let mut out =
        String::with_capacity(page.len() + placeholders.iter().map(|p| p.1.len()).sum::<usize>());
    let mut rest = page;
    while let Some(at) = rest.find("{{") {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let found = placeholders.iter().find(|(name, _)| rest.starts_with(name));
        let (name, value) = found.expect("every placeholder has a value");
        out.push_str(value);
        rest = &rest[name.len()..];
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn keeps_text_of_the_run_out_of_the_markup() {
        let mut result = sample::failed();
        let attack = "</script><img src=x onerror=alert(1)>{{report_js}}<!--";
        result.run.scenario = attack.to_owned();
        result.failures[0].evidence = vec![attack.to_owned()];
        result.run.cmd = attack.to_owned();
        let page = render(&result).expect("renders");
        assert!(!page.contains("<img"));
        assert_eq!(page.matches("</script>").count(), 3);
        assert!(page.contains(
            "\\u003c/script\\u003e\\u003cimg src=x onerror=alert(1)\\u003e{{report_js}}"
        ));
        assert!(page.contains("<title>FAIL &lt;/script&gt;&lt;img"));
    }

    #[test]
    fn needs_nothing_from_a_network() {
        let page = render(&sample::passed()).expect("renders");
        for word in ["src=\"http", "href=\"http", "url(", "@import", "fetch("] {
            assert!(!page.contains(word), "{word}");
        }
        assert!(page.contains("default-src 'none'"));
        assert!(
            page.contains("Permission is hereby granted"),
            "the licence of uPlot"
        );
        assert!(page.len() < 300_000, "{} bytes", page.len());
    }

    #[test]
    fn renders_a_run_that_measured_nothing() {
        assert!(render(&sample::bare()).is_ok());
    }
}
