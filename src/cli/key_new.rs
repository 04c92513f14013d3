//! `wavecast key new`: makes a key of the HTTP API.

use std::io::ErrorKind;
use std::process::ExitCode;
use std::time::SystemTime;

use super::print;
use crate::auth::{KeyId, NewKey, SCOPES, Scopes};
use crate::limits::Rate;
use crate::protocol::Json;

/// Exit code for a usage error.
const WRONG_USE: u8 = 2;

/// The flags of the command, as they were given.
#[derive(Debug, Default)]
pub(super) struct KeyRequest {
    pub(super) ids: Vec<String>,
    pub(super) scopes: Vec<String>,
    pub(super) rates: Vec<String>,
    pub(super) expires: Vec<String>,
    pub(super) json: bool,
}

/// What the key may do, checked.
#[derive(Debug)]
struct Wanted<'a> {
    id: KeyId,
    scopes: &'a [String],
    rate: Option<Rate>,
    expires: Option<SystemTime>,
}

pub(super) fn run(request: &KeyRequest) -> ExitCode {
    let wanted = match Wanted::read(request) {
        Ok(wanted) => wanted,
        Err(problems) => {
            for problem in problems {
                print::err(&format!("error: {problem}\n"));
            }
            return ExitCode::from(WRONG_USE);
        }
    };
    let Some(key) = NewKey::generate(&wanted.id) else {
        print::err("error: the system has no random numbers\n");
        return ExitCode::FAILURE;
    };
    let text = if request.json {
        wanted.json(&key)
    } else {
        wanted.text(&key)
    };
    // Half a key must not look whole.
    match print::try_out(&text) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            print::err(&format!("error: cannot print the key: {error}\n"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

impl<'a> Wanted<'a> {
    /// Checks all flags, and returns every problem.
    fn read(request: &'a KeyRequest) -> Result<Self, Vec<String>> {
        let mut problems = Vec::new();
        let mut one = |values: &'a [String], flag: &str| match values {
            [] => None,
            [value] => Some(value.trim()),
            _ => {
                problems.push(format!("--{flag}: is given more than once"));
                None
            }
        };
        let (id, rate) = (one(&request.ids, "id"), one(&request.rates, "rate"));
        let expires = one(&request.expires, "expires");
        let id = match id.map(KeyId::parse) {
            Some(Ok(id)) => Some(id),
            Some(Err(error)) => {
                problems.push(format!("--id: {error}"));
                None
            }
            None => {
                if request.ids.is_empty() {
                    problems.push("a key needs an id: --id shop".to_owned());
                }
                None
            }
        };
        let mut scopes = Scopes::default();
        for scope in &request.scopes {
            if let Err(error) = scopes.add(scope) {
                problems.push(format!("--scope: {error}"));
            }
        }
        if request.scopes.is_empty() {
            let all = SCOPES.join(", ");
            problems.push(format!("a key needs at least one --scope: {all}"));
        }
        let rate = rate.and_then(|text| {
            let rate = Rate::parse(text).ok();
            if rate.is_none() {
                problems.push(format!(
                    "--rate: {text:?} is not a rate; write 1000/s, 20/m or 5/h"
                ));
            }
            rate
        });
        let expires = expires.and_then(|text| {
            let time = humantime::parse_rfc3339(text).ok();
            if time.is_none() {
                let how = "write 2027-01-01T00:00:00Z";
                problems.push(format!("--expires: {text:?} is not a time; {how}"));
            }
            time
        });
        match id {
            Some(id) if problems.is_empty() => Ok(Self {
                id,
                scopes: &request.scopes,
                rate,
                expires,
            }),
            _ => Err(problems),
        }
    }

    /// The fields of the configuration, each as its name and its value. Strings of JSON are strings of
    /// TOML too.
    fn fields(&self, key: &NewKey) -> Vec<(&'static str, String)> {
        let text = |text: &str| Json::from(text).into_string();
        let scopes: Vec<String> = self.scopes.iter().map(|scope| text(scope)).collect();
        let mut fields = vec![
            ("id", text(self.id.as_str())),
            ("sha256", text(&key.hash().to_hex())),
            ("scopes", format!("[{}]", scopes.join(", "))),
        ];
        if let Some(rate) = self.rate {
            fields.push(("rate", text(&rate.to_string())));
        }
        if let Some(expires) = self.expires {
            let time = humantime::format_rfc3339_seconds(expires).to_string();
            fields.push(("expires", text(&time)));
        }
        fields
    }

    fn text(&self, key: &NewKey) -> String {
        let fields = self.fields(key);
        let lines = fields
            .iter()
            .map(|(name, value)| format!("{name} = {value}\n"));
        format!(
            "{}\n\n# The key is shown only here. The configuration file has its SHA-256:\n[[api_keys]]\n{}",
            key.reveal(),
            lines.collect::<String>()
        )
    }

    fn json(&self, key: &NewKey) -> String {
        let secret = Json::from(key.reveal()).into_string();
        let fields = [("key", secret)].into_iter().chain(self.fields(key));
        let members = fields.map(|(name, value)| format!("\"{name}\":{value}"));
        format!("{{{}}}\n", members.collect::<Vec<_>>().join(","))
    }
}
