//! Tokens and configurations for the binary.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use wavecast::auth::token::{Algorithm, SigningKey};

use crate::support::{Binary, Client, ConfigFile, read_head, upgrade_request};

pub const SECRET: &str = "a-secret-of-at-least-thirty-two-bytes";

/// Seconds since 1970.
pub fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.unwrap_or(Duration::ZERO).as_secs()
}

/// A token with these claims, which expires in an hour unless they say.
pub fn token(mut claims: Value) -> String {
    let issued = now();
    let defaults = [("iat", issued), ("exp", issued + 3600)];
    for (name, value) in defaults {
        let claims = claims.as_object_mut().unwrap();
        if !claims.contains_key(name) {
            claims.insert(name.to_owned(), json!(value));
        }
    }
    let key = SigningKey::secret(Algorithm::parse("HS256").unwrap(), SECRET.as_bytes());
    key.unwrap().sign(None, &claims.to_string()).unwrap()
}

/// The binary with such tokens, and what else a configuration has.
pub async fn start(rest: &str) -> Binary {
    let (edge, _file) = start_keeping(rest).await;
    edge
}

pub async fn start_keeping(rest: &str) -> (Binary, ConfigFile) {
    let text = format!("{rest}\n[[tokens.keys]]\nalgorithm = \"HS256\"\nsecret = \"{SECRET}\"\n");
    let file = ConfigFile::new(&text);
    (Binary::start(&["--config", file.path()]).await, file)
}

/// A client with this token, which is upgraded.
pub async fn connect(edge: &Binary, token: &str) -> Client {
    let mut client = dial(edge, token).await;
    client.expect_upgrade().await;
    client
}

/// A connection that has sent its handshake.
async fn dial(edge: &Binary, token: &str) -> Client {
    let request = upgrade_request("/ws");
    let head = request.strip_suffix("\r\n").unwrap();
    let mut client = Client::dial(edge.address).await;
    let request = format!("{head}authorization: Bearer {token}\r\n\r\n");
    client.send(request.as_bytes()).await;
    client
}

/// The status of a handshake with this token.
pub async fn status(edge: &Binary, token: &str) -> u16 {
    let mut client = dial(edge, token).await;
    let head = read_head(client.stream()).await;
    head[9..12].parse().unwrap()
}
