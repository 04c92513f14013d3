//! `wavecast config init`: prints a configuration file to start from.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::process::ExitCode;

use super::help::wrap;
use super::print;
use crate::config::{Kind, SETTINGS, Setting};

const WIDTH: usize = 84;

const INTRODUCTION: &str =
    "# Configuration of Wavecast. The server reads this file if the flag `config` or the variable
# WAVECAST_CONFIG names it.
#
# Every setting is listed with its default. To change one, remove the `#` in front of it.
# Flags and WAVECAST_* variables override this file. `wavecast config check FILE` says
# whether the server would start with it.
";

const RULES: &str = "
# Rules for channels and rooms by name. The first rule whose pattern matches the name
# applies; in a pattern, `*` matches any number of characters and `?` matches one, and
# `{user}` as a whole segment between `:` matches any one segment.
# `history` is false, a number of publications, or a table of limits; those left out are
# taken from [history]. `overflow` says what happens to slow consumers: evict,
# drop-oldest or latest-only. `presence` is true, or a table, for channels and rooms that
# know who is there: a user is listed for `linger` after its last connection (5s),
# `interval` is the time between two announcements (500ms), and above `max_listed` users
# (500) only numbers are sent.
#
# `subscribe` and `publish`, or `join` and `say`, say who may do it: everyone, users (who
# have a token with a user), granted (whose token names it; the default) or nobody.
# `history_for` and `presence_for` do so for the past and for who is there; unless they are
# set, they follow `subscribe` or `join`, as `say` does. If the pattern has `{user}`, users
# and granted apply only where that segment is the client's own id. For example:
#
## [[channels]]
## pattern = \"orders:*\"
## history = { messages = 5000, bytes = \"8MiB\", age = \"1h\" }
##
## [[rooms]]
## pattern = \"game:*\"
## history = false
## overflow = \"latest-only\"
## presence = { linger = \"5s\", interval = \"500ms\", max_listed = 500 }
## join = \"users\"
##
## [[channels]]
## pattern = \"inbox:{user}\"
## subscribe = \"users\"
#
# What clients without a token may do, by pattern; a list of patterns instead of a table
# allows [\"subscribe\", \"history\"], and in rooms [\"join\", \"say\"]. The actions are
# subscribe, history, presence and publish, in rooms join, say, history and presence; \"*\"
# is all of them. Rules about nobody, users and {user} still hold. For example:
#
## [anonymous]
## channels = { \"news\" = [\"subscribe\"], \"ticker:*\" = [\"subscribe\", \"history\"] }
## rooms = {}
";

const TOKENS: &str = "
# Tokens (JWT) say who a client is and what it may do. This section needs at least one key
# or key set, for example:
#
# [[tokens.keys]]
# algorithm = \"HS256\"
# secret_file = \"token.secret\"
#
# [[tokens.jwks]]
# url = \"https://app.example/.well-known/jwks.json\"
# algorithms = [\"RS256\", \"ES256\"]
# issuer = \"https://app.example\"
#[tokens]
";

const TLS: &str = "
# TLS for `server.listen`. Certificates for further names are chosen by the name that the
# client asks for. For example:
#
# [[tls.certificates]]
# cert = \"app.example.pem\"
# key = \"app.example.key\"
[tls]
";

const API_KEYS: &str = "
# Keys of the HTTP API. Without any, it answers only programs on this machine. `wavecast key new`
# makes a key and prints these lines. `scopes` are publish, publish:<pattern of channels>, read,
# and admin for everything. `rate` limits its publications. For example:
#
## [[api_keys]]
## id = \"shop\"
## sha256 = \"0000000000000000000000000000000000000000000000000000000000000000\"
## scopes = [\"publish:orders:*\", \"read\"]
## rate = \"1000/s\"
## expires = \"2030-01-01T00:00:00Z\"
";

pub(super) fn run() -> ExitCode {
    // Unlike a greeting, this is what the command is for: half a file must not look whole.
    match print::try_out(&file()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            print::err(&format!("error: cannot write the file: {error}\n"));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}

fn file() -> String {
    let mut file = INTRODUCTION.to_owned();
    for section in sections() {
        match section {
            // Without a key, the section would be a mistake.
            "tokens" => file.push_str(TOKENS),
            "tls" => file.push_str(TLS),
            _ => _ = writeln!(file, "\n[{section}]"),
        }
        for setting in SETTINGS.iter().filter(|other| other.section() == section) {
            file.push_str(&entry(setting));
        }
    }
    file.push_str(RULES);
    file.push_str(API_KEYS);
    file
}

fn sections() -> Vec<&'static str> {
    let mut sections = Vec::new();
    for section in SETTINGS.iter().map(Setting::section) {
        if !sections.contains(&section) {
            sections.push(section);
        }
    }
    sections
}

/// The lines of a setting: its help as a comment, and its default.
fn entry(setting: &Setting) -> String {
    let text = with_keys(&format!("{}. {}", setting.help, setting.more));
    let comment = wrap(&text, WIDTH).replace('\n', "\n# ");
    let name = setting.name();
    match setting.kind {
        // There is no default, so this is an example.
        Kind::NeededPath => format!("\n# {comment}\n# {name} = \"{name}.pem\"\n"),
        _ => format!("\n# {comment}\n#{name} = {}\n", default(setting)),
    }
}

/// The text with the keys of settings in place of their flags, which a reader of the file need
/// not know.
fn with_keys(text: &str) -> String {
    let mut parts = text.split("--");
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| c != '-' && !c.is_ascii_lowercase());
        let (flag, rest) = part.split_at(end.unwrap_or(part.len()));
        match SETTINGS.iter().find(|other| other.flag == Some(flag)) {
            Some(setting) => _ = write!(replaced, "`{}`{rest}", setting.key),
            None => _ = write!(replaced, "--{part}"),
        }
    }
    replaced
}

/// The default as TOML.
fn default(setting: &Setting) -> String {
    match setting.kind {
        Kind::Switch | Kind::Number { .. } => setting.default.to_owned(),
        Kind::WebOrigins | Kind::AllowedOrigins | Kind::Texts | Kind::Networks => "[]".to_owned(),
        _ => format!("{:?}", setting.default),
    }
}
