//! An application of a Pusher server, and the signatures of its HTTP API.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest, Sha256};
use std::fmt::{self, Debug, Formatter, Write};

/// An application: what may publish, and under which key clients connect.
#[derive(Clone)]
pub(crate) struct PusherApp {
    pub(crate) id: String,
    pub(crate) key: String,
    secret: String,
}

impl Debug for PusherApp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        // Without the secret.
        write!(f, "PusherApp({}, {})", self.id, self.key)
    }
}

impl PusherApp {
    /// Parses `ID:KEY:SECRET`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (id, rest) = text.split_once(':')?;
        let (key, secret) = rest.split_once(':')?;
        let is_name = |name: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
            !name.is_empty() && name.chars().all(plain)
        };
        (is_name(id) && is_name(key) && !secret.is_empty()).then(|| Self {
            id: id.to_owned(),
            key: key.to_owned(),
            secret: secret.to_owned(),
        })
    }

    /// The path of a POST request with the query that signs it and its body. `unix_s` is the time in seconds since
    /// 1970-01-01 UTC.
    pub(crate) fn sign(&self, path: &str, body: &[u8], unix_s: u64) -> String {
        let md5 = hex(&Md5::digest(body));
        let query = format!(
            "auth_key={}&auth_timestamp={unix_s}&auth_version=1.0&body_md5={md5}",
            self.key
        );
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.as_bytes())
            .expect("a key of any length is valid");
        mac.update(format!("POST\n{path}\n{query}").as_bytes());
        let signature = hex(&mac.finalize().into_bytes());
        format!("{path}?{query}&auth_signature={signature}")
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_a_request_as_the_servers_check_it() {
        let app = PusherApp::parse("7:lighthouse-key:lighthouse-secret").expect("valid");
        let body = br#"{"name":"order.created","channels":["orders"],"data":"{\"total\":19.95}"}"#;
        assert_eq!(
            app.sign("/apps/7/events", body, 1_795_669_200),
            "/apps/7/events?auth_key=lighthouse-key&auth_timestamp=1795669200&auth_version=1.0\
             &body_md5=21dc4e21995d12a22aad267bcc3b9a39\
             &auth_signature=fd2dbca8917b70a90054a839d01d51ff1b853cecf29fd2d4f47eac7b0735a177"
        );
        assert!(!format!("{app:?}").contains("secret"));
    }

    #[test]
    fn needs_an_id_a_key_and_a_secret() {
        for text in [
            "",
            "7",
            "7:key",
            "7:key:",
            ":key:secret",
            "7:k/y:secret",
            "7::secret",
        ] {
            assert!(PusherApp::parse(text).is_none(), "{text}");
        }
        let app = PusherApp::parse("7:key:a:b").expect("a secret may contain anything");
        assert_eq!((app.id.as_str(), app.key.as_str()), ("7", "key"));
    }
}
