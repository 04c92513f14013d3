//! The tokens of sockets: one for all, or one for each user, from a command or signed here.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt::{self, Debug, Formatter, Write};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How long a token lives that a run does not let expire.
const LIFE: Duration = Duration::from_secs(3600);
/// HMAC secrets are at least this long (RFC 7518 §3.2).
const LEAST_SECRET: usize = 32;

/// Where the tokens of sockets come from.
#[derive(Clone, Default)]
pub(crate) enum Tokens {
    /// They have none of their own.
    #[default]
    None,
    /// One for each user, made before the run.
    Made(Arc<[String]>),
    /// Signed when they are needed.
    Signed(Signer),
}

impl Debug for Tokens {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Without secrets.
        f.write_str(match self {
            Self::None => "None",
            Self::Made(_) => "Made(***)",
            Self::Signed(_) => "Signed(***)",
        })
    }
}

impl Tokens {
    /// The header line with the token of a socket; empty if it has none of its own.
    pub(crate) fn header(&self, conn: u32) -> String {
        let token = match self {
            Self::None => return String::new(),
            Self::Made(tokens) => tokens.get(conn as usize).cloned().unwrap_or_default(),
            Self::Signed(signer) => signer.token(&user(conn), &Claims::default()),
        };
        format!("Authorization: Bearer {token}\r\n")
    }

    /// Runs a shell command for each of `users`, with `{user}` replaced, and keeps the first line that each prints.
    ///
    /// # Errors
    /// A command failed, or printed no token.
    pub(crate) fn from_command(command: &str, users: u32) -> Result<Self, String> {
        let made: Result<Vec<String>, String> =
            (0..users).map(|conn| run(command, &user(conn))).collect();
        Ok(Self::Made(made?.into()))
    }
}

/// The user that a socket is.
pub(crate) fn user(conn: u32) -> String {
    format!("lt-{conn}")
}

fn run(command: &str, user: &str) -> Result<String, String> {
    let failed = |why: &str| format!("--token-command: {why}, for the user {user}");
    let output = Command::new("sh")
        .args(["-c", &command.replace("{user}", user)])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(&error.to_string()))?;
    if !output.status.success() {
        return Err(failed(&output.status.to_string()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() || token.contains(|c: char| c.is_control() || c == ' ') {
        return Err(failed("it printed no token"));
    }
    Ok(token.to_owned())
}

/// What a token says besides its user and its rights.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Claims {
    /// When it expires, in seconds since 1970-01-01 UTC. `None`: in an hour.
    pub(crate) expires: Option<u64>,
    /// Distinguishes it from other tokens of its user.
    pub(crate) id: u64,
}

/// Signs tokens with HS256, for the channels and rooms of the tester.
#[derive(Clone)]
pub(crate) struct Signer(Hmac<Sha256>);

impl Signer {
    /// A signer with a secret of at least 32 bytes.
    pub(crate) fn new(secret: &[u8]) -> Result<Self, String> {
        if secret.len() < LEAST_SECRET {
            return Err(format!(
                "the secret has {} bytes, and needs at least {LEAST_SECRET}",
                secret.len()
            ));
        }
        Hmac::new_from_slice(secret)
            .map(Self)
            .map_err(|error| error.to_string())
    }

    /// A token of this user.
    pub(crate) fn token(&self, user: &str, claims: &Claims) -> String {
        let now = unix_now();
        let expires = claims.expires.unwrap_or(now + LIFE.as_secs());
        let mut text = URL_SAFE_NO_PAD.encode(r#"{"alg":"HS256","typ":"JWT"}"#);
        let body = format!(
            r#"{{"sub":"{user}","iat":{now},"exp":{expires},"jti":"{user}-{}","channels":{{"lt.*":["*"]}},"rooms":{{"lt.*":["*"]}}}}"#,
            claims.id
        );
        let _ = write!(text, ".{}", URL_SAFE_NO_PAD.encode(body));
        let mut mac = self.0.clone();
        mac.update(text.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        let _ = write!(text, ".{signature}");
        text
    }
}

/// The time of day, in seconds since 1970-01-01 UTC.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_tokens_of_three_parts_and_shows_none_of_them() {
        let signer = Signer::new(&[7; 32]).expect("long enough");
        let token = signer.token(
            "ada",
            &Claims {
                expires: Some(99),
                id: 3,
            },
        );
        let parts: Vec<&str> = token.split('.').collect();
        assert_eq!(parts.len(), 3);
        let body = URL_SAFE_NO_PAD.decode(parts[1]).expect("base64url");
        let body = String::from_utf8(body).expect("UTF-8");
        assert!(body.contains(r#""sub":"ada""#) && body.contains(r#""exp":99,"jti":"ada-3""#));
        assert_eq!(format!("{:?}", Tokens::Signed(signer)), "Signed(***)");
        assert!(Signer::new(&[7; 31]).is_err());
    }

    #[test]
    fn runs_the_command_for_each_user() {
        let Ok(Tokens::Made(tokens)) = Tokens::from_command("echo 'token of {user}' | tr ' ' _", 2)
        else {
            panic!("no tokens");
        };
        assert_eq!(*tokens, ["token_of_lt-0", "token_of_lt-1"]);
        assert!(Tokens::from_command("exit 3", 1).is_err());
        assert!(Tokens::from_command("true", 1).is_err());
    }
}
