use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{EncodingKey, Header, encode, errors::Result};
use serde_json::json;

/// A token for an hour. `secret` is what is in `token.secret`, without the newline at its end.
pub fn token(user: &str, secret: &[u8]) -> Result<String> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default().as_secs();
    let channels = json!({ "orders": ["subscribe", "history"] });
    let claims = json!({ "sub": user, "iat": now, "exp": now + 3600, "channels": channels });
    encode(
        &Header::default(),
        &claims,
        &EncodingKey::from_secret(secret),
    )
}
