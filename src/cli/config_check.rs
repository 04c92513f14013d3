//! `wavecast config check`: checks the configuration without starting the server.

use std::process::ExitCode;

use super::{configuration, print};
use crate::config::{Flags, Loaded};

/// Exit code for a configuration with which the server would not start.
const WOULD_NOT_START: u8 = 2;

pub(super) fn run(flags: Flags, strict: bool) -> ExitCode {
    match configuration::read(flags, strict) {
        Ok(loaded) => match loaded.config.exposure() {
            None => {
                print::out(&summary(&loaded));
                ExitCode::SUCCESS
            }
            Some(exposure) => {
                print::err(&format!("error: {exposure}\n"));
                ExitCode::from(WOULD_NOT_START)
            }
        },
        Err(code) => code,
    }
}

fn summary(loaded: &Loaded) -> String {
    let file = loaded.file.as_deref();
    let file = file.map_or_else(String::new, |file| format!("{file}: "));
    let keys = match loaded.token_keys() {
        0 => String::new(),
        keys => format!(", {}", counted(keys, "key")),
    };
    let has_anonymous = loaded.config.anonymous.is_some();
    let has_others = has_anonymous || !loaded.config.api_keys.is_empty();
    if loaded.settings() == 0 && loaded.rules == 0 && keys.is_empty() && !has_others {
        let nothing = match loaded.file {
            Some(_) => "the file is valid and sets nothing",
            None => "nothing is set",
        };
        return format!("ok: {file}{nothing}, so all defaults apply\n");
    }
    let settings = counted(loaded.settings(), "setting");
    let rules = counted(loaded.rules, "rule");
    let api_keys = match loaded.config.api_keys.len() {
        0 => String::new(),
        keys => format!(", {}", counted(keys, "API key")),
    };
    let anonymous = if has_anonymous { ", [anonymous]" } else { "" };
    format!("ok: {file}{settings}, {rules}{keys}{api_keys}{anonymous}\n")
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
