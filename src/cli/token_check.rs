//! `wavecast token check`: says what the server would say to a token.

use std::fmt::Write as _;
use std::io::{self, Read as _};
use std::process::ExitCode;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::{configuration, print};
use crate::auth::token::{Unverified, Verified, claims_text};
use crate::authority::KeyFetcher;
use crate::config::{Flags, TokensConfig};
use crate::protocol::{ErrorCode, timestamp};
use crate::telemetry;

/// More than any token has, with white space around it.
const MAX_INPUT: u64 = 64 * 1024;

pub(super) fn run(flags: Flags) -> ExitCode {
    let tokens = match configuration::read(flags, false) {
        Ok(loaded) => loaded.config.tokens,
        Err(code) => return code,
    };
    match tokens
        .ok_or_else(|| "the configuration has no [tokens], so no token is accepted".to_owned())
        .and_then(check)
    {
        Ok(code) => code,
        Err(problem) => {
            print::err(&format!("error: {problem}\n"));
            ExitCode::FAILURE
        }
    }
}

fn check(tokens: TokensConfig) -> Result<ExitCode, String> {
    let mut input = String::new();
    let read = io::stdin()
        .lock()
        .take(MAX_INPUT)
        .read_to_string(&mut input);
    read.map_err(|error| format!("cannot read the token: {error}"))?;
    let token = input.trim();
    if token.is_empty() {
        return Err("no token on standard input".to_owned());
    }
    // Why a key set cannot be fetched is in the log.
    let _logs = telemetry::init("warn")?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    let result = runtime.block_on(async {
        let (tasks, stop) = (TaskTracker::new(), CancellationToken::new());
        let fetcher = KeyFetcher::spawn(Arc::new(tokens.verifier()), &tasks, &stop);
        let fetcher = fetcher.map_err(|error| error.to_string())?;
        let result = fetcher.verify(token).await;
        stop.cancel();
        tasks.close();
        tasks.wait().await;
        Ok::<_, String>(result)
    })?;
    // Does not wait for a name that is being resolved.
    runtime.shutdown_background();
    let (text, code) = match result {
        Ok(verified) => (accepted(token, &verified), ExitCode::SUCCESS),
        Err(unverified) => (refused(&unverified), ExitCode::FAILURE),
    };
    print::out(&text);
    Ok(code)
}

fn accepted(token: &str, verified: &Verified) -> String {
    let mut text = match &verified.channel {
        Some(claim) => format!(
            "ok: a subscription token for the channel {}\n",
            claim.channel
        ),
        None => "ok: a connection token\n".to_owned(),
    };
    let user = verified.user.as_ref().map(ToString::to_string);
    let rows = [
        ("user", user.or(Some("none".to_owned()))),
        ("key", verified.key_id.clone()),
        ("token id", verified.token_id.clone()),
        ("issued", verified.issued.map(timestamp)),
        ("expires", verified.expires.map(timestamp)),
        ("claims", claims_text(token)),
    ];
    for (name, value) in rows {
        if let Some(value) = value {
            let value = value.replace(char::is_control, " ");
            let _ = writeln!(text, "{name}: {value}");
        }
    }
    text
}

fn refused(unverified: &Unverified) -> String {
    let (code, reason) = match unverified {
        Unverified::Invalid(reason) => (ErrorCode::InvalidToken, reason.as_ref()),
        Unverified::Expired => (ErrorCode::TokenExpired, "`exp` is in the past"),
        Unverified::NotYetValid => (
            ErrorCode::TokenNotYetValid,
            "`nbf` or `iat` is in the future",
        ),
        Unverified::KeysUnavailable => (
            ErrorCode::KeysUnavailable,
            "the key set could not be fetched",
        ),
        Unverified::UnknownKey(_) => (ErrorCode::InvalidToken, "no key has the token's `kid`"),
    };
    format!("{}: {reason}\n", code.as_str())
}
