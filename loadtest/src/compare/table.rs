//! Renders a comparison as a table.

use super::comparison::{Change, ComparedFigure};
use crate::result::metric::Unit;
use crate::result::run_result::RunResult;
use std::fmt::Write;

/// Renders the table. Its last line is the number of regressions.
pub(crate) fn render(
    base: &RunResult,
    new: &RunResult,
    max_regress: f64,
    lines: &[ComparedFigure],
    broken: &[String],
) -> String {
    let mut text = format!(
        "loadtest compare  {} {} -> {} {}  at most {:.1}% worse\n\n",
        base.run.scenario,
        base.run.id,
        new.run.scenario,
        new.run.id,
        max_regress * 100.0
    );
    if base.run.scenario != new.run.scenario {
        text.push_str("  note: these are different scenarios\n\n");
    }
    for (name, result) in [("base", base), ("new", new)] {
        if !result.valid {
            let _ = writeln!(
                text,
                "  note: {name} is tainted: {}\n",
                result.taint.join("; ")
            );
        }
    }
    let width = lines
        .iter()
        .map(|line| line.name.len())
        .max()
        .unwrap_or(0)
        .max(6);
    let _ = writeln!(
        text,
        "        {:<width$} {:>13} {:>13} {:>9}",
        "metric", "base", "new", "change"
    );
    for line in lines {
        let (mark, why) = match line.change {
            Change::Same => ("    ", ""),
            Change::Noise => ("~   ", "  within noise"),
            Change::Better => ("+   ", "  better"),
            Change::Worse => ("FAIL", "  worse"),
        };
        let _ = writeln!(
            text,
            "  {mark}  {:<width$} {:>13} {:>13} {:>9}{why}",
            line.name,
            shown(line.base, line.unit),
            shown(line.new, line.unit),
            relative(line.base, line.new),
        );
    }
    for expr in broken {
        let _ = writeln!(text, "  FAIL  {expr}  passed before");
    }
    let worse = regressions(lines, broken);
    let _ = match worse {
        0 => writeln!(text, "\nno regression"),
        1 => writeln!(text, "\n1 regression"),
        _ => writeln!(text, "\n{worse} regressions"),
    };
    text
}

/// The number of regressions. A figure that is worse and also fails an assertion counts once.
fn regressions(lines: &[ComparedFigure], broken: &[String]) -> usize {
    let worse = || lines.iter().filter(|line| line.change == Change::Worse);
    let alone = broken.iter().filter(|expr| {
        let subject = expr.split(['=', '!', '<', '>']).next().unwrap_or_default();
        worse().all(|line| line.name != subject)
    });
    worse().count() + alone.count()
}

fn relative(base: f64, new: f64) -> String {
    if (new - base).abs() < f64::EPSILON {
        "=".to_owned()
    } else if base.abs() < f64::EPSILON {
        "new".to_owned()
    } else {
        format!("{:+.1}%", (new - base) / base.abs() * 100.0)
    }
}

fn shown(value: f64, unit: Unit) -> String {
    let suffix = match unit {
        Unit::Count => return format!("{value}"),
        Unit::Milliseconds => "ms",
        Unit::Seconds => "s",
        Unit::Kibibytes => "KiB",
        Unit::Percent => "%",
        Unit::Ratio => "x",
        Unit::Cores => "cores",
        Unit::PerSecond => "/s",
        Unit::KibibytesPerHour => "KiB/h",
    };
    format!("{value:.2} {suffix}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::comparison::{compare, newly_failed};
    use crate::report::sample;

    #[test]
    fn prints_a_table_that_ends_with_the_verdict() {
        let (base, new) = (sample::passed(), sample::failed());
        let text = render(
            &base,
            &new,
            0.1,
            &compare(&base, &new, 0.1),
            &newly_failed(&base, &new),
        );
        assert!(text.contains("FAIL  loss.silent"), "{text}");
        assert!(
            text.contains("FAIL  loss.silent==0 (got 3)  passed before"),
            "{text}"
        );
        assert!(text.ends_with("\n1 regression\n"), "{text}");
    }

    #[test]
    fn counts_a_failed_assertion_about_a_figure_that_is_not_worse() {
        let (base, mut new) = (sample::passed(), sample::passed());
        new.assertions[0].ok = false;
        let broken = newly_failed(&base, &new);
        assert_eq!(regressions(&compare(&base, &new, 0.1), &broken), 1);
    }
}
