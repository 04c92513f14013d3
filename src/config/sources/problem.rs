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
        write!(f, "{}: ", self.origin)?;
        if let Some(key) = &self.key {
            write!(f, "`{key}`: ")?;
        }
        f.write_str(&self.message)
    }
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
