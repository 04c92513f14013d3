//! Settings from environment variables.

use std::ffi::OsString;

use super::given::Given;
use super::origin::Origin;
use super::problem::Problem;
use crate::config::setting::Setting;
use crate::config::settings::SETTINGS;
use crate::config::values::{Kind, Raw};
use crate::protocol::{did_you_mean_or, nearest};

const PREFIX: &str = "WAVECAST_";

/// Where to look if there is no suggestion.
const ALL_VARIABLES: &str = "`wavecast --help` lists all variables";

/// The variable that names the configuration file.
pub(super) const CONFIG: &str = "WAVECAST_CONFIG";

/// The environment variables' part of the configuration.
#[derive(Debug, Default)]
pub(super) struct Variables {
    pub(super) given: Vec<Given>,
    /// The path of the configuration file.
    pub(super) config: Option<String>,
    /// Variables that look like settings but are not.
    pub(super) warnings: Vec<Problem>,
}

impl Variables {
    /// Reads the variables whose names begin with `WAVECAST_`, sorted by name. An empty
    /// variable counts as unset, unless the setting needs a path.
    pub(super) fn read(environment: impl Iterator<Item = (OsString, OsString)>) -> Self {
        let mut variables: Vec<(String, String)> = environment
            .filter_map(|(name, value)| {
                // What is not UTF-8 is neither the name nor the value of any setting, and is
                // reported as such.
                let name = name.to_string_lossy().into_owned();
                let value = value.to_string_lossy().trim().to_owned();
                let is_given = !value.is_empty() || may_not_be_empty(&name);
                (name.starts_with(PREFIX) && is_given).then_some((name, value))
            })
            .collect();
        variables.sort();

        let mut read = Self::default();
        for (name, value) in variables {
            let setting = SETTINGS.iter().find(|setting| setting.variable() == name);
            let origin = Origin::Variable(name.clone());
            match setting {
                Some(setting) => read.given.push(Given {
                    setting,
                    raw: Raw::text(&value),
                    origin,
                }),
                None if name == CONFIG => read.config = Some(value),
                None if is_set_by_kubernetes(&name) => {}
                None => read.warnings.push(Problem::new(origin, unknown(&name))),
            }
        }
        read
    }
}

/// Without a certificate there is no TLS, so a variable for one that was left empty by mistake must
/// not go unnoticed.
fn may_not_be_empty(name: &str) -> bool {
    let mut needed = SETTINGS
        .iter()
        .filter(|setting| setting.kind == Kind::NeededPath);
    needed.any(|setting| setting.variable() == name)
}

/// Kubernetes sets these for a Service that is named `wavecast`.
fn is_set_by_kubernetes(name: &str) -> bool {
    let name = name.strip_prefix(PREFIX).unwrap_or(name);
    name == "PORT" || name.starts_with("PORT_") || name.starts_with("SERVICE_")
}

fn unknown(name: &str) -> String {
    let names: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
    let names = names.iter().map(String::as_str).chain([CONFIG]);
    // All names share the prefix, so it would make them look more alike than they are.
    let endings = names.filter_map(|name| name.strip_prefix(PREFIX));
    let meant = nearest(name.strip_prefix(PREFIX).unwrap_or(name), endings);
    let meant = meant.map(|ending| format!("{PREFIX}{ending}"));
    // A setting with a flag has the flag's name, not that of its key.
    let by_key = SETTINGS.iter().find(|setting| of_key(setting.key) == name);
    let meant = by_key.map(Setting::variable).or(meant);
    format!(
        "unknown variable{}",
        did_you_mean_or(meant.as_deref(), ALL_VARIABLES)
    )
}

fn of_key(key: &str) -> String {
    format!("{PREFIX}{}", key.to_uppercase().replace('.', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Variables {
        Variables::read(
            variables
                .iter()
                .map(|(name, value)| (name.into(), value.into())),
        )
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let variables = read(&[
            ("WAVECAST_DEV", ""),
            ("WAVECAST_LISTEN", "  "),
            ("WAVECAST_CONFIG", ""),
            ("WAVECAST_HISOTRY", ""),
        ]);
        assert!(variables.given.is_empty() && variables.config.is_none());
        assert!(variables.warnings.is_empty());
    }

    #[test]
    fn an_unknown_variable_gets_a_warning_with_a_suggestion() {
        let variables = read(&[
            ("WAVECAST_HISOTRY", "5"),
            ("WAVECAST_BIN", "x"),
            ("WAVECAST_FOO", "x"),
            ("WAVECAST_CONNECTIONS_MAX", "5"),
            ("WAVECAST_SERVER_LISTEN", ":3000"),
            ("HISTORY", "5"),
        ]);
        let warnings: Vec<String> = variables.warnings.iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "WAVECAST_BIN: unknown variable; `wavecast --help` lists all variables",
                "WAVECAST_CONNECTIONS_MAX: unknown variable; did you mean `WAVECAST_MAX_CONNECTIONS`?",
                "WAVECAST_FOO: unknown variable; `wavecast --help` lists all variables",
                "WAVECAST_HISOTRY: unknown variable; did you mean `WAVECAST_HISTORY`?",
                "WAVECAST_SERVER_LISTEN: unknown variable; did you mean `WAVECAST_LISTEN`?",
            ]
        );
    }

    #[test]
    fn variables_that_kubernetes_sets_are_ignored() {
        let variables = read(&[
            ("WAVECAST_PORT", "tcp://10.0.0.1:3000"),
            ("WAVECAST_PORT_3000_TCP_ADDR", "10.0.0.1"),
            ("WAVECAST_SERVICE_HOST", "10.0.0.1"),
        ]);
        assert!(variables.warnings.is_empty());
        let variables = read(&[("WAVECAST_PORTS", "1"), ("WAVECAST_SERVICES", "1")]);
        assert_eq!(variables.warnings.len(), 2);
    }
}
