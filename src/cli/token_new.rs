//! `wavecast token new`: prints a token.

use std::fmt::Write as _;
use std::fs;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use clap::ArgMatches;

use super::print;
use super::token_commands::{
    ALGORITHM, AUDIENCE, CHANNEL, INFO, ISSUER, KEY_ID, PRIVATE_KEY, ROOM, SECRET_FILE, TTL, USER,
};
use crate::auth::Grants;
use crate::auth::token::{Algorithm, MAX_DETAIL_BYTES, MAX_TOKEN_BYTES, SigningKey};
use crate::config::{Kind, Raw, Value, without_newline};
use crate::protocol::{Json, UserId, did_you_mean, elements, nearest};

/// Exit code for flags that make no token.
const WRONG_USE: u8 = 2;

/// The algorithms that a private key is tried with if none is named.
const BY_KEY: [Algorithm; 4] = [
    Algorithm::Rs256,
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
];

/// The token that the flags ask for.
#[derive(Debug, Default)]
pub(super) struct NewToken {
    secret_file: Option<String>,
    private_key: Option<String>,
    algorithm: Option<String>,
    key_id: Option<String>,
    user: String,
    ttl: String,
    channels: Vec<String>,
    rooms: Vec<String>,
    info: Option<String>,
    audience: Option<String>,
    issuer: Option<String>,
}

impl NewToken {
    pub(super) fn of(matches: &ArgMatches) -> Self {
        let one = |flag: &str| matches.get_one::<String>(flag).cloned();
        let all = |flag: &str| {
            let values = matches.get_many::<String>(flag);
            values.into_iter().flatten().cloned().collect()
        };
        Self {
            secret_file: one(SECRET_FILE),
            private_key: one(PRIVATE_KEY),
            algorithm: one(ALGORITHM),
            key_id: one(KEY_ID),
            user: one(USER).unwrap_or_default(),
            ttl: one(TTL).unwrap_or_default(),
            channels: all(CHANNEL),
            rooms: all(ROOM),
            info: one(INFO),
            audience: one(AUDIENCE),
            issuer: one(ISSUER),
        }
    }

    pub(super) fn run(&self) -> ExitCode {
        match self.token(SystemTime::now()) {
            Ok(token) => {
                print::out(&format!("{token}\n"));
                ExitCode::SUCCESS
            }
            Err(problem) => {
                print::err(&format!("error: {problem}\n"));
                ExitCode::from(WRONG_USE)
            }
        }
    }

    fn token(&self, now: SystemTime) -> Result<String, String> {
        let key = self.key()?;
        let claims = self.claims(now)?;
        let token = key.sign(self.key_id.as_deref(), &claims);
        let token = token.ok_or("the key cannot sign")?;
        if token.len() > MAX_TOKEN_BYTES {
            return Err("the token would be longer than 8 KiB".to_owned());
        }
        Ok(token)
    }

    fn key(&self) -> Result<SigningKey, String> {
        let algorithm = self.algorithm.as_deref().map(algorithm).transpose()?;
        let read = |flag: &str, path: &str| {
            let contents = fs::read(path);
            contents.map_err(|error| format!("--{flag}: cannot read {path}: {error}"))
        };
        if let Some(path) = &self.private_key {
            let pem = read(PRIVATE_KEY, path)?;
            let algorithms = algorithm.as_ref().map_or(&BY_KEY[..], std::slice::from_ref);
            let keys = algorithms.iter();
            let mut keys = keys.map(|&algorithm| SigningKey::private_pem(algorithm, &pem));
            let first = keys.next().ok_or("no algorithm")?;
            let key = first.or_else(|error| keys.find_map(Result::ok).ok_or(error));
            return key.map_err(|error| format!("--{PRIVATE_KEY}: {path}: {error}"));
        }
        let path = self.secret_file.as_deref().unwrap_or_default();
        let secret = read(SECRET_FILE, path)?;
        let algorithm = algorithm.unwrap_or(Algorithm::Hs256);
        let key = SigningKey::secret(algorithm, without_newline(&secret));
        key.map_err(|error| format!("--{SECRET_FILE}: {path}: {error}"))
    }

    /// The claims as JSON text.
    fn claims(&self, now: SystemTime) -> Result<String, String> {
        let user = UserId::new(&self.user).map_err(|error| format!("--{USER}: {error}"))?;
        let ttl = Kind::Time {
            least: Duration::from_secs(1),
        };
        let ttl = match ttl.read(&Raw::text(&self.ttl)) {
            Ok(Value::Time(ttl)) => ttl.as_secs(),
            Ok(_) => return Err(format!("--{TTL}: not a duration")),
            Err(message) => return Err(format!("--{TTL}: {message}")),
        };
        let issued = now.duration_since(SystemTime::UNIX_EPOCH);
        let issued = issued.map_or(0, |since| since.as_secs());
        let mut claims = format!(
            "{{\"sub\":{},\"iat\":{issued},\"exp\":{}",
            Json::from(user.as_str()),
            issued + ttl
        );
        for (name, value) in [("iss", &self.issuer), ("aud", &self.audience)] {
            if let Some(value) = value {
                let _ = write!(claims, ",\"{name}\":{}", Json::from(value.as_str()));
            }
        }
        let channels = grants(&self.channels, "subscribe,history");
        let rooms = grants(&self.rooms, "join,say");
        for (name, flag, grants) in [("channels", CHANNEL, &channels), ("rooms", ROOM, &rooms)] {
            let Some(grants) = grants else { continue };
            let is_channels = flag == CHANNEL;
            let checked = Grants::from_claims(
                is_channels.then_some(grants.as_str()),
                (!is_channels).then_some(grants.as_str()),
            );
            checked.map_err(|error| format!("--{flag}: {error}"))?;
            let _ = write!(claims, ",\"{name}\":{grants}");
        }
        Grants::from_claims(channels.as_deref(), rooms.as_deref())?;
        if let Some(info) = &self.info {
            let _ = write!(claims, ",\"info\":{}", checked_info(info)?);
        }
        claims.push('}');
        Ok(claims)
    }
}

fn algorithm(name: &str) -> Result<Algorithm, String> {
    Algorithm::parse(name).ok_or_else(|| {
        let end = did_you_mean(nearest(name, Algorithm::names()));
        format!("--{ALGORITHM}: {name:?} is not an algorithm{end}")
    })
}

/// The claim `channels` or `rooms` from `PATTERN=ACTION,…`; a pattern alone gets `default`.
fn grants(given: &[String], default: &str) -> Option<String> {
    if given.is_empty() {
        return None;
    }
    let entries = given.iter().map(|grant| {
        // A pattern may contain `=`, an action does not.
        let (pattern, actions) = grant.rsplit_once('=').unwrap_or((grant, default));
        let actions = actions
            .split(',')
            .map(|action| Json::from(action.trim()).into_string());
        let actions: Vec<String> = actions.collect();
        format!("{}:[{}]", Json::from(pattern), actions.join(","))
    });
    let entries: Vec<String> = entries.collect();
    Some(format!("{{{}}}", entries.join(",")))
}

fn checked_info(info: &str) -> Result<&str, String> {
    let list = format!("[{info}]");
    // Anything else would end the value early, and begin another claim.
    if elements(&list).map(|values| values.len()) != Ok(1) {
        return Err(format!(
            "--{INFO}: this is not JSON; write '{{\"name\":\"Ada\"}}'"
        ));
    }
    if info.trim().len() > MAX_DETAIL_BYTES {
        return Err(format!("--{INFO}: must be at most 1 KiB"));
    }
    Ok(info.trim())
}
