//! The start page's files.

use std::sync::LazyLock;

use crate::http::uri::PathText;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};

use crate::http::problem::ApiError;
use crate::protocol::ErrorCode;

/// The page loads only files of this server, has no inline scripts or styles, never turns text into
/// markup, and may not be framed.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'";

/// The page. Everything in it is addressed relative to it, so that a proxy can serve it below a path.
static PAGE: LazyLock<String> = LazyLock::new(|| {
    include_str!("site/page.html")
        .replace("{version}", env!("CARGO_PKG_VERSION"))
        .replace("{repository}", env!("CARGO_PKG_REPOSITORY"))
});

const CSS: &str = "text/css; charset=utf-8";
const SVG: &str = "image/svg+xml";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The files under `/page/`: name, media type and text.
macro_rules! files {
    ($($name:literal: $media_type:expr),+ $(,)?) => {
        &[$(($name, $media_type, include_str!(concat!("site/", $name)))),+]
    };
}
const FILES: &[(&str, &str, &str)] = files![
    "page.css": CSS,
    "icon.svg": SVG,
    "app.js": SCRIPT,
    "announcer.js": SCRIPT,
    "counts.js": SCRIPT,
    "dom.js": SCRIPT,
    "feed.js": SCRIPT,
    "identity.js": SCRIPT,
    "json.js": SCRIPT,
    "outage.js": SCRIPT,
    "publish.js": SCRIPT,
    "rooms.js": SCRIPT,
    "row.js": SCRIPT,
    "samples.js": SCRIPT,
    "snippets.js": SCRIPT,
    "status.js": SCRIPT,
    "topics.js": SCRIPT,
    "words.js": SCRIPT,
];

type File = ([(HeaderName, &'static str); 5], &'static str);

/// `GET /`
pub(super) async fn page() -> File {
    respond("text/html; charset=utf-8", &PAGE)
}

/// `GET /page/{file}`
pub(super) async fn file(PathText(name): PathText) -> Result<File, ApiError> {
    let found = FILES.iter().find(|(other, ..)| *other == name);
    let missing = || ApiError::new(ErrorCode::NotFound, "there is nothing at this path");
    let &(_, media_type, text) = found.ok_or_else(missing)?;
    Ok(respond(media_type, text))
}

/// `GET /` where the page is not served.
pub(super) async fn absent() -> ApiError {
    let detail = "the start page is off; it is served on loopback addresses, or with --page on";
    ApiError::new(ErrorCode::NotFound, detail)
}

fn respond(media_type: &'static str, text: &'static str) -> File {
    let headers = [
        (CONTENT_TYPE, media_type),
        // They change when the server is upgraded.
        (CACHE_CONTROL, "no-cache"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        // The address may hold a user.
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, text)
}
