//! `wavecast token` and its flags, declared for clap.

use clap::{Arg, ArgAction, Command};

use super::help::wrap;
use crate::auth::token::Algorithm;

pub(super) const TOKEN: &str = "token";
pub(super) const NEW: &str = "new";

/// Flags of `token new`.
pub(super) const SECRET_FILE: &str = "secret-file";
pub(super) const PRIVATE_KEY: &str = "private-key";
pub(super) const ALGORITHM: &str = "algorithm";
pub(super) const KEY_ID: &str = "key-id";
pub(super) const USER: &str = "user";
pub(super) const TTL: &str = "ttl";
pub(super) const CHANNEL: &str = "channel";
pub(super) const ROOM: &str = "room";
pub(super) const INFO: &str = "info";
pub(super) const AUDIENCE: &str = "audience";
pub(super) const ISSUER: &str = "issuer";

/// `wavecast token` with its subcommands. `check` has the flags of all settings already.
pub(super) fn token(check: Command) -> Command {
    let check = check
        .about("Say what the server would say to the token on standard input, and why")
        .after_help(wrap(
            "Exits with 0 if the token is valid for the [tokens] of the configuration, and with 1 \
             if not. Key sets are fetched. Revocations are not known here.",
            80,
        ));
    Command::new(TOKEN)
        .about("Make a token, or check one")
        .subcommand_required(true)
        .subcommands([new(), check])
}

fn new() -> Command {
    let value = |name: &'static str, placeholder: &'static str| {
        Arg::new(name).long(name).value_name(placeholder)
    };
    let algorithms: Vec<&str> = Algorithm::names().collect();
    let algorithm = format!(
        "One of {}. Default: HS256 for a secret, and for a private key the first that fits",
        algorithms.join(", ")
    );
    Command::new(NEW)
        .about("Print a token, for trying things and for scripts")
        .next_line_help(true)
        .args([
            value(SECRET_FILE, "FILE")
                .help("File with the secret; one newline at its end is not part of it")
                .required_unless_present(PRIVATE_KEY)
                .conflicts_with(PRIVATE_KEY),
            value(PRIVATE_KEY, "FILE").help("File with the private key (PEM, PKCS #8)"),
            value(ALGORITHM, "NAME").help(wrap(&algorithm, 68)),
            value(KEY_ID, "ID").help("Id of the key, as in the configuration (`kid`)"),
            value(USER, "ID")
                .help("Id of the user (`sub`)")
                .required(true),
            value(TTL, "DURATION")
                .help("How long the token is valid")
                .default_value("1h"),
            value(CHANNEL, "PATTERN=ACTIONS")
                .help("Rights on channels, as in 'chat:*=subscribe,publish'; repeatable")
                .action(ArgAction::Append),
            value(ROOM, "PATTERN=ACTIONS")
                .help("Rights on rooms, as in 'team=join,say'; repeatable")
                .action(ArgAction::Append),
            value(INFO, "JSON").help("Data about the user that others may see"),
            value(AUDIENCE, "NAME").help("Which service the token is for (`aud`)"),
            value(ISSUER, "NAME").help("Who makes the token (`iss`)"),
        ])
}
