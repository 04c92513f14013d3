//! Parsing arguments into a command and its flags. Mistakes in the flags of settings are
//! collected like all other problems of the configuration.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgMatches, Command, Error};

use super::commands::{
    CHECK, CONFIG, CONFIG_FILE, EXPIRES, FILE, ID, INIT, JSON, KEY, RATE, SCOPE, SET, STRICT, root,
};
use super::key_new::KeyRequest;
use super::token_commands::{NEW, TOKEN};
use super::token_new::NewToken;
use crate::config::{Flags, Given, Origin, Problem, SETTINGS, is_contents};
use crate::protocol::{did_you_mean_or, nearest};

/// What other servers call the address that they listen on.
const NAMES_OF_LISTEN: [&str; 6] = ["-p", "-b", "--port", "--host", "--bind", "--address"];

/// What the arguments ask for.
#[derive(Debug)]
pub(super) enum Action {
    Serve(Flags),
    CheckConfig {
        flags: Flags,
        strict: bool,
    },
    /// Uses no setting, so only mistakes in the flags themselves matter.
    InitConfig {
        problems: Vec<Problem>,
    },
    CheckToken {
        flags: Flags,
    },
    /// Uses no setting either.
    NewToken {
        token: Box<NewToken>,
        problems: Vec<Problem>,
    },
    NewKey {
        request: KeyRequest,
        /// Mistakes in the flags themselves.
        problems: Vec<Problem>,
    },
}

/// Parses the arguments; the first is the program's name. The error is clap's: a help text, or a
/// usage error that leaves no configuration to check.
pub(super) fn read(mut arguments: Vec<OsString>) -> Result<Action, Error> {
    let command = root();
    let mut problems = Vec::new();
    // Ends, because each mistake removes at least one argument.
    let matches = loop {
        match command.clone().try_get_matches_from(&arguments) {
            Ok(matches) => break matches,
            Err(error) => match remove_mistake(&command, &error, &mut arguments) {
                Some(problem) => problems.push(problem),
                None => return Err(error),
            },
        }
    };
    Ok(match matches.subcommand() {
        Some((CONFIG, config)) => match config.subcommand() {
            Some((CHECK, check)) => Action::CheckConfig {
                flags: flags(&[&matches, config, check], problems),
                strict: check.get_flag(STRICT),
            },
            // clap accepts no other command than `init`.
            _ => Action::InitConfig { problems },
        },
        Some((TOKEN, token)) => match token.subcommand() {
            Some((NEW, new)) => Action::NewToken {
                token: Box::new(NewToken::of(new)),
                problems,
            },
            Some((_, check)) => Action::CheckToken {
                flags: flags(&[&matches, check], problems),
            },
            // clap accepts no `token` alone.
            None => Action::CheckToken {
                flags: flags(&[&matches], problems),
            },
        },
        Some((KEY, key)) => Action::NewKey {
            // clap accepts no other command than `new`.
            request: key
                .subcommand()
                .map_or_else(Default::default, |(_, new)| key_request(new)),
            problems,
        },
        Some((_, serve)) => Action::Serve(flags(&[&matches, serve], problems)),
        None => Action::Serve(flags(&[&matches], problems)),
    })
}

fn key_request(new: &ArgMatches) -> KeyRequest {
    let of = |flag| values(&[new], flag);
    KeyRequest {
        ids: of(ID),
        scopes: of(SCOPE),
        rates: of(RATE),
        expires: of(EXPIRES),
        json: new.get_flag(JSON),
    }
}

/// The flags before and after a command.
fn flags(matches: &[&ArgMatches], problems: Vec<Problem>) -> Flags {
    let mut flags = Flags {
        problems,
        ..Flags::default()
    };
    let mut files = values(matches, CONFIG_FILE);
    // Only `config check` has it.
    files.extend(values(matches, FILE));
    if files.len() > 1 {
        flags.problems.push(repeated(CONFIG_FILE));
    }
    flags.config = files.pop();

    for setting in SETTINGS {
        let (Some(flag), values) = (setting.flag, values(matches, setting.key)) else {
            continue;
        };
        match values.len() {
            0 => {}
            2.. if setting.kind.is_scalar() => flags.problems.push(repeated(flag)),
            _ => flags.given.push(Given::by_flag(setting, flag, &values)),
        }
    }
    for assignment in values(matches, SET) {
        match Given::by_assignment(&assignment) {
            Ok(given) => flags.given.push(given),
            Err(problem) => flags.problems.push(problem),
        }
    }
    flags
}

fn values(matches: &[&ArgMatches], id: &str) -> Vec<String> {
    let values = matches.iter().filter_map(|matches| {
        // Not every command has every argument.
        matches.try_get_many::<String>(id).ok().flatten()
    });
    values.flatten().cloned().collect()
}

fn repeated(flag: &str) -> Problem {
    Problem::new(of_flag(flag), "is given more than once")
}

fn of_flag(flag: &str) -> Origin {
    Origin::Flag(format!("--{flag}"))
}

/// Removes the arguments that an error is about, so that the rest of the command line can be
/// parsed, and returns the problem. `None` if the error is not about a flag.
fn remove_mistake(
    command: &Command,
    error: &Error,
    arguments: &mut Vec<OsString>,
) -> Option<Problem> {
    let invalid = text(error, ContextKind::InvalidArg)?;
    let flag = invalid.split([' ', '=']).next()?;
    if !flag.starts_with('-') {
        return None;
    }
    if is_contents(invalid) {
        return remove_contents(arguments);
    }
    match error.kind() {
        ErrorKind::UnknownArgument => remove_unknown(command, flag, arguments),
        ErrorKind::InvalidValue if text(error, ContextKind::InvalidValue) == Some("") => {
            let at = arguments.iter().rposition(|argument| argument == flag)?;
            arguments.remove(at);
            let origin = Origin::Flag(flag.to_owned());
            Some(Problem::new(origin, "needs a value"))
        }
        _ => None,
    }
}

/// Removes a flag whose value begins like a flag: it is the text of a PEM file.
fn remove_contents(arguments: &mut Vec<OsString>) -> Option<Problem> {
    let at = arguments.iter().position(is_pem)?;
    let flag = arguments.get(at.checked_sub(1)?)?.to_str()?.to_owned();
    if !flag.starts_with("--") || is_contents(&flag) {
        return None;
    }
    arguments.drain(at - 1..=at);
    let message = "needs a path, not the text of the file";
    Some(Problem::new(Origin::Flag(flag), message))
}

fn is_pem(argument: &OsString) -> bool {
    argument.to_string_lossy().starts_with("-----BEGIN")
}

fn remove_unknown(command: &Command, flag: &str, arguments: &mut Vec<OsString>) -> Option<Problem> {
    // Where an argument looks like several short flags, clap names only the first.
    let is_short = !flag.starts_with("--");
    let at = arguments.iter().skip(1).position(|argument| {
        let argument = argument.to_string_lossy();
        let name = argument.split('=').next().unwrap_or_default();
        name == flag || is_short && !name.starts_with("--") && name.starts_with(flag)
    })? + 1;
    let argument = arguments.remove(at).to_string_lossy().into_owned();
    let written = argument.split('=').next().unwrap_or_default();

    let (command, path) = named(command, arguments);
    let mut known = command.get_arguments().filter_map(clap::Arg::get_long);
    let meant = if NAMES_OF_LISTEN.contains(&flag) {
        known.find(|&known| known == "listen")
    } else {
        nearest(written.trim_start_matches('-'), known.chain(["help"]))
    };
    let meant_argument = command
        .get_arguments()
        .find(|known| known.get_long() == meant);
    let takes_value = meant_argument.is_none_or(|known| {
        let values = known.get_num_args();
        known.get_action().takes_values() && values.is_none_or(|values| values.min_values() > 0)
    });
    let is_value = |next: &OsString| {
        let next = next.to_string_lossy();
        !next.starts_with('-') && !path.contains(&&*next)
    };
    if !argument.contains('=') && takes_value && arguments.get(at).is_some_and(is_value) {
        arguments.remove(at);
    }

    let meant = meant.map(|flag| format!("--{flag}"));
    let all = format!("`{} --help` lists all flags", path.join(" "));
    let message = format!("unknown flag{}", did_you_mean_or(meant.as_deref(), &all));
    Some(Problem::new(Origin::Flag(written.to_owned()), message))
}

/// The message about a command line that cannot be parsed, in one line.
pub(super) fn wrong_use(error: &Error, arguments: &[OsString]) -> String {
    if arguments.iter().any(is_pem) {
        // It may be a private key.
        return "error: an argument is the text of a file\n".to_owned();
    }
    let name = text(error, ContextKind::InvalidSubcommand);
    if error.kind() == ErrorKind::MissingSubcommand {
        let root = root();
        let (command, _) = named(&root, arguments);
        let inner: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        let (name, inner) = (name.unwrap_or_default(), inner.join(" or "));
        return format!("error: `{name}` needs a command: {inner}\n");
    }
    if let Some(name) = name {
        let root = root();
        let here = named(&root, arguments).0.get_subcommands();
        let here = here.map(Command::get_name).chain(["help"]);
        let meant = nearest(name, here).map(str::to_owned);
        let meant = meant.or_else(|| elsewhere(&root, name));
        let end = did_you_mean_or(meant.as_deref(), "`wavecast --help` lists all commands");
        return format!("error: unknown command `{name}`{end}\n");
    }
    let is_init = || named(&root(), arguments).1.last() == Some(&INIT);
    if let Some(file) = text(error, ContextKind::InvalidArg)
        && error.kind() == ErrorKind::UnknownArgument
        && is_init()
    {
        return format!(
            "error: `{INIT}` prints the file; use `wavecast {CONFIG} {INIT} > {file}`\n"
        );
    }
    let text = error.to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let words: Vec<&str> = paragraph.split_whitespace().collect();
    format!("{}\n", words.join(" "))
}

/// The innermost command that the arguments name, and the words that lead to it.
fn named<'a>(root: &'a Command, arguments: &[OsString]) -> (&'a Command, Vec<&'a str>) {
    let (mut command, mut path) = (root, vec![root.get_name()]);
    for argument in arguments.iter().skip(1) {
        if let Some(inner) = command.find_subcommand(argument) {
            command = inner;
            path.push(inner.get_name());
        }
    }
    (command, path)
}

/// The command line of the command that `name` probably means, anywhere in the tree.
fn elsewhere(root: &Command, name: &str) -> Option<String> {
    let mut all = Vec::new();
    for outer in root.get_subcommands() {
        let outer_name = outer.get_name();
        all.push((outer_name, outer_name.to_owned()));
        for inner in outer.get_subcommands().map(Command::get_name) {
            all.push((inner, format!("{outer_name} {inner}")));
        }
    }
    let meant = nearest(name, all.iter().map(|&(name, _)| name))?;
    let (_, path) = all.iter().find(|&&(name, _)| name == meant)?;
    Some(format!("{} {path}", root.get_name()))
}

fn text(error: &Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        _ => None,
    }
}
