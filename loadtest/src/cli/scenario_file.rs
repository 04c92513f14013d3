//! Scenario files: the name of a scenario, and flags for it, in TOML.
//!
//! ```toml
//! scenario = "broadcast"
//! connections = "5k"
//! rate = "20/s"
//! assert = ["delivery.p99<250ms", "loss.silent==0"]
//! ```

use std::fs;
use toml::{Table, Value};

/// Replaces the file name in `loadtest run FILE.toml …` by the scenario and the flags in the file. Other command lines are
/// returned unchanged. Flags on the command line follow those of the file, and so override them; a flag of the file whose
/// variable is set is left out, so variables override the file, too.
///
/// # Errors
/// The file cannot be read, is not TOML, or contains a value that no flag can have. Unknown flags are found later, when the
/// command line is parsed.
pub(crate) fn expand(args: Vec<String>) -> Result<Vec<String>, String> {
    let is_file = |arg: &String| arg.to_ascii_lowercase().ends_with(".toml");
    let [program, run, path, rest @ ..] = args.as_slice() else {
        return Ok(args);
    };
    if run != "run" || !is_file(path) {
        return Ok(args);
    }
    let text = fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let is_set = |flag: &str| {
        let name = format!("LOADTEST_{}", flag.replace('-', "_").to_uppercase());
        std::env::var_os(name).is_some()
    };
    let flags = flags(&text, path, is_set).map_err(|error| format!("{path}: {error}"))?;
    let head = [program.clone(), run.clone()];
    Ok(head
        .into_iter()
        .chain(flags)
        .chain(rest.iter().cloned())
        .collect())
}

/// The name of the scenario, then its flags.
fn flags(text: &str, path: &str, is_set: impl Fn(&str) -> bool) -> Result<Vec<String>, String> {
    let table: Table = text
        .parse()
        .map_err(|error: toml::de::Error| error.to_string())?;
    let mut words = vec!["smoke".to_owned()];
    for (key, value) in &table {
        if key == "scenario" {
            let name = value.as_str().ok_or("scenario must be a string")?;
            name.clone_into(&mut words[0]);
            continue;
        }
        let flag = key.replace('_', "-");
        if is_set(&flag) {
            continue;
        }
        match value {
            // The file describes its target itself.
            Value::Table(_) if key == "target" => words.push(format!("--target={path}")),
            Value::Boolean(true) => words.push(format!("--{flag}")),
            Value::Boolean(false) => {}
            // One flag with several parts.
            Value::Array(values) if flag == "stages" => {
                let parts: Result<Vec<String>, String> =
                    values.iter().map(|value| plain(key, value)).collect();
                words.push(format!("--stages={}", parts?.join(",")));
            }
            Value::Array(values) => {
                for value in values {
                    words.push(format!("--{flag}={}", plain(key, value)?));
                }
            }
            value => words.push(format!("--{flag}={}", plain(key, value)?)),
        }
    }
    Ok(words)
}

fn plain(key: &str, value: &Value) -> Result<String, String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Float(number) => Ok(number.to_string()),
        _ => Err(format!(
            "{key} must be a string, a number, a boolean, or a list of strings or numbers"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_keys_into_flags() {
        let text = "scenario = 'broadcast'\nconnections = '5k'\nseed = 42\nallow_taint = true\nyes = false\n\
            assert = ['delivery.p99<250ms', 'dups==0']";
        let mut words = flags(text, "run.toml", |_| false).expect("valid");
        assert_eq!(words.remove(0), "broadcast");
        words.sort_unstable();
        assert_eq!(
            words,
            [
                "--allow-taint",
                "--assert=delivery.p99<250ms",
                "--assert=dups==0",
                "--connections=5k",
                "--seed=42",
            ]
        );
    }

    #[test]
    fn joins_stages_to_one_flag() {
        let text = "stages = ['1k@30s', '500/s@1m']";
        let words = flags(text, "run.toml", |_| false).expect("valid");
        assert_eq!(words, ["smoke", "--stages=1k@30s,500/s@1m"]);
    }

    #[test]
    fn leaves_out_what_variables_say_and_points_to_its_own_target() {
        let text = "seed = 1\nrate = '5/s'\n[target]\nname = 'x'";
        let words = flags(text, "run.toml", |flag| flag == "rate").expect("valid");
        assert_eq!(words, ["smoke", "--seed=1", "--target=run.toml"]);
    }

    #[test]
    fn rejects_values_that_no_flag_can_have() {
        for text in ["rate = {}", "rate = [[1]]", "scenario = 1", "rate"] {
            assert!(flags(text, "run.toml", |_| false).is_err(), "{text}");
        }
    }

    #[test]
    fn returns_other_command_lines_unchanged() {
        let line: Vec<String> = ["loadtest", "run", "smoke", "-c", "5"]
            .map(str::to_owned)
            .into();
        assert_eq!(expand(line.clone()), Ok(line));
    }
}
