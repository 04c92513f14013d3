//! The JavaScript client that the server serves, for the start page and for others.

use std::sync::LazyLock;

use crate::http::uri::PathText;
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_TYPE, HeaderName, X_CONTENT_TYPE_OPTIONS,
};

use crate::http::problem::ApiError;
use crate::protocol::ErrorCode;

/// The module that a page imports.
const CLIENT: &str = include_str!("../../../clients/js/src/wavecast.js");

/// The modules of the client's core, with their file names under `/wavecast/`. Each comes after those
/// that it imports.
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
    "base/error",
    "base/deadline",
    "base/emitter",
    "base/json",
    "base/options",
    "commands/frames",
    "commands/commands",
    "connection/address",
    "connection/authentication",
    "connection/close-codes",
    "connection/heartbeat",
    "connection/transport",
    "connection/wake-events",
    "connection/connection",
    "topic/message-loop",
    "topic/topic",
    "topic/channel",
    "topic/cursor",
    "topic/delivery",
    "topic/kind",
    "topic/room",
    "topic/subscription",
    "topic/subscriptions",
];

/// Modules for the core, which a page imports beside it.
const ADD_ONS: &[(&str, &str)] = &[(
    "presence.js",
    include_str!("../../../clients/js/src/presence/presence.js"),
)];

type Script = ([(HeaderName, &'static str); 4], &'static str);

/// `GET /wavecast.js`: the client's core as JavaScript modules, for this page and others.
pub(super) async fn module() -> Script {
    script(CLIENT)
}

/// `GET /wavecast.iife.js`: the client for a `<script>` tag. It defines `Wavecast`.
pub(super) async fn script_tag() -> Script {
    script(&CLASSIC_SCRIPT)
}

/// `GET /wavecast/{*module}`: a module that `/wavecast.js` imports, or an add-on to it.
pub(super) async fn inner_module(PathText(module): PathText) -> Result<Script, ApiError> {
    let mut modules = MODULES.iter().chain(ADD_ONS);
    let found = modules.find(|(name, _)| *name == module);
    let missing = || ApiError::new(ErrorCode::NotFound, "there is nothing at this path");
    found.map(|(_, text)| script(text)).ok_or_else(missing)
}

/// The client's modules as one classic script.
static CLASSIC_SCRIPT: LazyLock<String> = LazyLock::new(|| {
    let modules = MODULES.iter().map(|(_, text)| *text).chain([CLIENT]);
    classic_script(modules)
});

/// Joins modules, each of which comes after those that it imports. They do not declare the same name
/// twice, and their imports and exports are one line each, without renaming.
fn classic_script<'a>(modules: impl Iterator<Item = &'a str>) -> String {
    let mut script = String::from("(() => {\n");
    for line in modules.flat_map(str::lines) {
        let is_list = ["import ", "export {"]
            .iter()
            .any(|start| line.starts_with(start));
        let is_comment = ["//", "/*", "*"]
            .iter()
            .any(|start| line.trim_start().starts_with(start));
        if !is_list && !is_comment && !line.is_empty() {
            script.push_str(line.strip_prefix("export ").unwrap_or(line));
            script.push('\n');
        }
    }
    script.push_str("globalThis.Wavecast = Object.assign(Wavecast, { WavecastError });\n})();\n");
    script
}

fn script(text: &'static str) -> Script {
    let headers = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        // The script changes when the server is upgraded.
        (CACHE_CONTROL, "no-cache"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // Pages of other origins may load it; it contains no secrets.
        (ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
    ];
    (headers, text)
}
