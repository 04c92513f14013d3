//! Problems of a configuration.

use std::fmt::{self, Write as _};

use super::origin::Origin;

/// One problem of a configuration, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    origin: Origin,
    /// The setting with the wrong value, unless the origin already names it.
    key: Option<String>,
    message: String,
}

impl Problem {
    /// A problem at `origin`.
    pub(crate) fn new(origin: Origin, message: impl Into<String>) -> Self {
        Self {
            origin,
            key: None,
            message: message.into(),
        }
    }

    /// Where the problem is.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// A problem with the value that `origin` gives to the setting `key`.
    pub(crate) fn of_value(origin: Origin, key: &str, message: impl Into<String>) -> Self {
        // Flags and variables already name the setting.
        let is_in_file = matches!(origin, Origin::File { .. });
        Self {
            origin,
            key: is_in_file.then(|| key.to_owned()),
            message: message.into(),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = self.key.as_ref();
        let key = key.map_or_else(String::new, |key| format!("`{key}`: "));
        let line = format!("{}: {key}{}", self.origin, self.message);
        f.write_str(&escape_controls(&line))
    }
}

/// Names of keys, variables and files may contain anything: what would begin a new line, or
/// steer a terminal, is written as Rust would.
pub(crate) fn escape_controls(text: &str) -> String {
    let escape = |c: char| match c {
        c if c.is_control() => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(escape).collect()
}

/// The text that is printed for all problems together.
pub(crate) fn report(problems: &[Problem]) -> String {
    let count = match problems.len() {
        1 => "1 problem".to_owned(),
        count => format!("{count} problems"),
    };
    let mut report = format!("error: {count} in the configuration\n");
    for problem in problems {
        let _ = writeln!(report, "  {problem}");
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_one_line_whatever_names_it_contains() {
        let variable = Origin::Variable("WAVECAST_LIST\nEN".to_owned());
        let problem = Problem::new(variable, "unknown key `\u{1b}[31m\u{85}größe`");
        assert_eq!(
            problem.to_string(),
            r"WAVECAST_LIST\nEN: unknown key `\u{1b}[31m\u{85}größe`"
        );
    }

    #[test]
    fn each_problem_is_printed_on_a_line_with_its_origin() {
        let file = |line| Origin::File {
            path: "wavecast.toml".into(),
            line,
            column: None,
        };
        let variable = Origin::Variable("WAVECAST_OUTBOX_MESSAGES".to_owned());
        let problems = [
            Problem::new(file(4), "unknown key `publish.windw`"),
            Problem::of_value(file(9), "history.age", "\"ten\" is not a duration"),
            Problem::of_value(variable, "outbox.messages", "0 must be at least 1"),
        ];
        assert_eq!(
            report(&problems),
            "error: 3 problems in the configuration\n  \
             wavecast.toml:4: unknown key `publish.windw`\n  \
             wavecast.toml:9: `history.age`: \"ten\" is not a duration\n  \
             WAVECAST_OUTBOX_MESSAGES: 0 must be at least 1\n"
        );
        assert!(report(&problems[..1]).starts_with("error: 1 problem in the configuration\n"));
    }
}
