//! The figures of a scripted scenario, and what is asserted about them.

use crate::base::exit::Exit;
use crate::base::print;
use crate::measure::latency::Latency;
use crate::report::outputs::Outputs;
use crate::result::metric::{Metric, Unit};
use crate::result::run_result::{Failure, Run, RunResult, SCHEMA_VERSION};
use crate::verdict::assertion::Assertion;
use std::collections::BTreeMap;

/// The figures of a run, by name.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    metrics: BTreeMap<String, Metric>,
    /// What went wrong, in words.
    pub(crate) notes: Vec<String>,
}

impl Figures {
    pub(super) fn count(&mut self, name: &str, value: usize) {
        let (unit, value) = (Unit::Count, value as f64);
        self.metrics
            .insert(name.to_owned(), Metric::Value { unit, value });
    }

    pub(super) fn seconds(&mut self, name: &str, value: f64) {
        let unit = Unit::Seconds;
        self.metrics
            .insert(name.to_owned(), Metric::Value { unit, value });
    }

    pub(super) fn latency(&mut self, name: &str, latency: &Latency) {
        let distribution = Metric::Distribution(latency.distribution());
        self.metrics.insert(name.to_owned(), distribution);
    }

    /// Judges the figures, prints the report, writes the files, and says how the run ended.
    pub(crate) fn conclude(self, asserted: &[Assertion], mut run: Run, outputs: &Outputs) -> Exit {
        let assertions: Vec<_> = asserted
            .iter()
            .map(|assertion| assertion.judge(&self.metrics))
            .collect();
        print::out_line("");
        for (name, metric) in &self.metrics {
            print::out_line(&format!("  {name:<28} {}", shown(metric)));
        }
        print::out_line("");
        for judged in &assertions {
            let verdict = if judged.ok { "ok  " } else { "FAIL" };
            print::out_line(&format!(
                "  {verdict}  {:<32} {}",
                judged.expr, judged.actual
            ));
        }
        let passed = assertions.iter().all(|judged| judged.ok);
        let failures = assertions
            .iter()
            .filter(|judged| !judged.ok)
            .map(|judged| Failure {
                expr: judged.expr.clone(),
                evidence: self.notes.clone(),
                replay: run.cmd.clone(),
            });
        let failures: Vec<_> = failures.collect();
        if !passed {
            self.notes
                .iter()
                .for_each(|note| print::out_line(&format!("        {note}")));
        }
        print::out_line(if passed { "\nPASS" } else { "\nFAIL" });
        run.versions
            .insert("loadtest".to_owned(), env!("CARGO_PKG_VERSION").to_owned());
        let result = RunResult {
            schema_version: SCHEMA_VERSION,
            run,
            passed,
            valid: true,
            metrics: self.metrics,
            assertions,
            failures,
            ..RunResult::default()
        };
        match (passed, outputs.save(&result)) {
            (true, true) => Exit::Pass,
            (true, false) => Exit::Setup,
            (false, _) => Exit::Fail,
        }
    }
}

fn shown(metric: &Metric) -> String {
    match metric {
        Metric::Value { unit, value } => unit.format(*value),
        Metric::Distribution(values) => format!(
            "p50 {}  p99 {}  max {}  ({})",
            values.unit.format(values.p50),
            values.unit.format(values.p99),
            values.unit.format(values.max),
            values.count
        ),
    }
}
