//! `wavecast config check`: checks the configuration as a start would, without listening.

use std::process::ExitCode;

use super::{configuration, print};
use crate::config::{Flags, Loaded};

pub(super) fn run(flags: Flags, strict: bool) -> ExitCode {
    match configuration::read(flags, strict) {
        Ok(loaded) => {
            print::out(&summary(&loaded));
            ExitCode::SUCCESS
        }
        Err(code) => code,
    }
}

fn summary(loaded: &Loaded) -> String {
    let file = loaded.file.as_deref();
    let file = file.map_or_else(String::new, |file| format!("{file}: "));
    let settings = counted(loaded.settings(), "setting");
    let rules = counted(loaded.rules, "rule");
    let keys = counted(0, "key");
    format!("ok: {file}{settings}, {rules}, {keys}\n")
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
