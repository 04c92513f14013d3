//! The commands and their flags, declared for clap. Flags of settings come from the table.

use clap::{Arg, ArgAction, Command};

use super::help::{long, short, wrap};
use super::token_commands::{NEW, token};
use crate::config::{Kind, SETTINGS, Setting};

pub(super) const SERVE: &str = "serve";
pub(super) const CONFIG: &str = "config";
pub(super) const CHECK: &str = "check";
pub(super) const INIT: &str = "init";

pub(super) const KEY: &str = "key";

/// Flags of `key new`.
pub(super) const ID: &str = "id";
pub(super) const SCOPE: &str = "scope";
pub(super) const RATE: &str = "rate";
pub(super) const EXPIRES: &str = "expires";
pub(super) const JSON: &str = "json";

/// Argument of `config check`.
pub(super) const FILE: &str = "FILE";
/// Flag of `config check`.
pub(super) const STRICT: &str = "strict";
/// Flag that names the configuration file.
pub(super) const CONFIG_FILE: &str = "config";
/// Flag that sets any setting.
pub(super) const SET: &str = "set";

const ABOUT: &str = "Publish an event over HTTP; every subscribed browser, phone or service gets \
    it over WebSocket or SSE, in order, and is told if it missed anything.";

const AFTER: &str = "Every setting can also come from its environment variable or from the file \
    of --config. A flag overrides the variable, and the variable overrides the file. \
    `wavecast config init` prints a file with every setting.";

/// The whole command line.
pub(super) fn root() -> Command {
    let check = with_settings(Command::new(CHECK))
        .about("Check the flags, variables and file without starting the server")
        .after_help(wrap(
            "Exits with 0 and prints one line if the server would start. Otherwise, exits with 2 \
             and prints every problem to standard error.",
            80,
        ))
        .arg(Arg::new(FILE).help("Configuration file, as with --config"))
        .arg(
            Arg::new(STRICT)
                .long(STRICT)
                .action(ArgAction::SetTrue)
                .overrides_with(STRICT)
                .help("Treat warnings as problems"),
        );
    let init = Command::new(INIT)
        .about("Print a configuration file: every setting with its default, commented out");
    // Its flags are those of `check`, whose help shows them.
    let config = with_settings(Command::new(CONFIG))
        .mut_args(|flag| flag.hide(true))
        .about("Check a configuration, or print a new one")
        .subcommand_required(true)
        .subcommands([check, init]);
    let new = Command::new(NEW)
        .about("Make a key of the HTTP API: print it, and the lines for the configuration file")
        .after_help(wrap(
            "The key is printed only here: the configuration has its SHA-256. A request has it in its \
             header, as `Authorization: Bearer wck_…`.",
            80,
        ))
        .args(key_flags());
    let key = Command::new(KEY)
        .about("Make a key of the HTTP API")
        .subcommand_required(true)
        .subcommands([new]);
    let serve = with_settings(Command::new(SERVE)).about("Run the server (the default command)");
    with_settings(Command::new("wavecast"))
        .version(env!("CARGO_PKG_VERSION"))
        .about(wrap(ABOUT, 80))
        .after_help(wrap(AFTER, 80))
        .subcommands([
            serve,
            config,
            key,
            token(with_settings(Command::new(CHECK))),
        ])
}

fn key_flags() -> [Arg; 5] {
    let flag = |name: &'static str, value: &'static str| {
        Arg::new(name)
            .long(name)
            .value_name(value)
            .action(ArgAction::Append)
    };
    [
        flag(ID, "ID").help("Its name in the configuration and in logs, such as shop"),
        flag(SCOPE, "SCOPE").help(
            "What it may do: publish, publish:<pattern of channels>, read, or\nadmin for everything; repeatable",
        ),
        flag(RATE, "RATE").help("Publications that it may make, such as 1000/s; no limit by default"),
        flag(EXPIRES, "TIME").help("When it ends, such as 2027-01-01T00:00:00Z; never by default"),
        Arg::new(JSON)
            .long(JSON)
            .action(ArgAction::SetTrue)
            .overrides_with(JSON)
            .help("Print one JSON object instead"),
    ]
}

fn with_settings(command: Command) -> Command {
    let config = Arg::new(CONFIG_FILE)
        .long(CONFIG_FILE)
        .value_name("FILE")
        .action(ArgAction::Append)
        .help(
            "Configuration file (TOML): every setting, and rules for channels\n\
             and rooms by name\n[env: WAVECAST_CONFIG]",
        );
    let set = Arg::new(SET)
        .long(SET)
        .value_name("KEY=VALUE")
        .action(ArgAction::Append)
        .help("Set a setting by its key in the file, as in outbox.bytes=2MiB;\nrepeatable");
    command
        .next_line_help(true)
        .args([config, set])
        .args(SETTINGS.iter().filter_map(flag))
}

fn flag(setting: &'static Setting) -> Option<Arg> {
    let flag = Arg::new(setting.key)
        .long(setting.flag?)
        .value_name(setting.kind.placeholder())
        .action(ArgAction::Append)
        .allow_negative_numbers(true)
        .help_heading(setting.heading.title())
        .help(short(setting))
        .long_help(long(setting));
    Some(match setting.kind {
        Kind::Switch => flag
            .num_args(0..=1)
            .require_equals(true)
            .default_missing_value("true"),
        _ => flag,
    })
}
