//! `GET /`: a page for trying out the server, and the JavaScript client that it uses.

use axum::extract::Path;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName,
};
use axum::response::Html;

use crate::http::problem::ApiError;
use crate::protocol::ErrorCode;

/// The page loads only scripts of this server, nothing from other origins, and may not be framed.
const POLICY: &str = "default-src 'none'; script-src 'self' 'unsafe-inline'; \
    style-src 'unsafe-inline'; connect-src 'self' ws: wss:; img-src data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The modules of the client's core, with their file names under `/wavecast/`.
macro_rules! modules {
    ($($name:literal),+ $(,)?) => {
        &[$((
            concat!($name, ".js"),
            include_str!(concat!("../../../clients/js/src/wavecast/", $name, ".js")),
        )),+]
    };
}
const MODULES: &[(&str, &str)] = modules![
    "base/backoff",
    "base/clock",
    "base/deadline",
    "base/emitter",
    "base/error",
    "base/json",
    "base/options",
    "commands/commands",
    "commands/frames",
    "connection/address",
    "connection/close-codes",
    "connection/connection",
    "connection/heartbeat",
    "connection/transport",
    "connection/wake-events",
    "topic/channel",
    "topic/cursor",
    "topic/delivery",
    "topic/kind",
    "topic/message-loop",
    "topic/room",
    "topic/subscription",
    "topic/subscriptions",
    "topic/topic",
];

type Script = ([(HeaderName, &'static str); 3], &'static str);

/// `GET /`
pub(super) async fn page() -> ([(HeaderName, &'static str); 1], Html<&'static str>) {
    let headers = [(CONTENT_SECURITY_POLICY, POLICY)];
    (headers, Html(include_str!("page.html")))
}

/// `GET /wavecast.js`: the client's core as JavaScript modules, for this page and others.
pub(super) async fn client() -> Script {
    script(include_str!("../../../clients/js/src/wavecast.js"))
}

/// `GET /wavecast.min.js`: the client for a `<script>` tag, as one minified file that defines `Wavecast`. It is
/// written by `npm run build -- --server` in `clients/js`, whose tests check that it is current.
pub(super) async fn client_for_script_tag() -> Script {
    script(include_str!("wavecast.min.js"))
}

/// `GET /wavecast/{*module}`: a module that `/wavecast.js` imports.
pub(super) async fn client_module(Path(module): Path<String>) -> Result<Script, ApiError> {
    let found = MODULES.iter().find(|(name, _)| *name == module);
    let missing = || ApiError::new(ErrorCode::NotFound, "there is nothing at this path");
    found.map(|(_, text)| script(text)).ok_or_else(missing)
}

fn script(text: &'static str) -> Script {
    let headers = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        // The script changes when the server is upgraded.
        (CACHE_CONTROL, "no-cache"),
        // Pages of other origins may load it; it contains no secrets.
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, text)
}
