//! A setting with the value that it was given.

use super::origin::Origin;
use super::problem::Problem;
use super::unknown_key::unknown_key;
use crate::config::setting::Setting;
use crate::config::settings::by_key;
use crate::config::values::{Raw, is_contents};

/// A value as it was written, and where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(super) setting: &'static Setting,
    pub(super) raw: Raw,
    pub(super) origin: Origin,
}

impl Given {
    /// The value of a setting's flag. The flag of a list may be repeated.
    pub(crate) fn by_flag(setting: &'static Setting, flag: &str, values: &[String]) -> Self {
        Self {
            setting,
            raw: Raw::text(&values.join(",")),
            origin: Origin::Flag(format!("--{flag}")),
        }
    }

    /// The value of an assignment `section.key=value` in `--set`.
    pub(crate) fn by_assignment(assignment: &str) -> Result<Self, Problem> {
        let problem = |message: String| Problem::new(Origin::Flag("--set".to_owned()), message);
        let (name, _) = assignment.split_once('=').unwrap_or((assignment, ""));
        if is_contents(name) {
            let message = "needs section.key=value, not the text of a file";
            return Err(problem(message.to_owned()));
        }
        let Some((key, value)) = assignment.split_once('=') else {
            let message = format!("{assignment:?} has no value; write section.key=value");
            return Err(problem(message));
        };
        let key = key.trim();
        match by_key(key) {
            // A list without a flag is separated by commas, as in a variable.
            Some(setting) if setting.kind.is_scalar() || setting.flag.is_none() => Ok(Self {
                setting,
                raw: Raw::text(value),
                origin: Origin::Flag(format!("--set {key}")),
            }),
            Some(setting) => {
                let flag = setting
                    .flag
                    .map_or_else(String::new, |flag| format!("; use --{flag}"));
                Err(problem(format!("`{key}` is a list{flag}")))
            }
            None => Err(problem(unknown_key(key))),
        }
    }
}
