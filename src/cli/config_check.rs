//! `wavecast config check`: checks the configuration without starting the server.

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
    if loaded.settings() == 0 && loaded.rules == 0 {
        let nothing = match loaded.file {
            Some(_) => "the file is valid and sets nothing",
            None => "nothing is set",
        };
        return format!("ok: {file}{nothing}, so all defaults apply\n");
    }
    let settings = counted(loaded.settings(), "setting");
    let rules = counted(loaded.rules, "rule");
    format!("ok: {file}{settings}, {rules}\n")
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}
