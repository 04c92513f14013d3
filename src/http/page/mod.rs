//! `GET /`: the start page, and the JavaScript client that it uses.

mod client;
mod files;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;

use crate::http::api::Api;

/// The client's scripts and, if it is to be served, the start page.
pub(super) fn routes(has_start_page: bool) -> Router<Arc<Api>> {
    let scripts = Router::new()
        .route("/wavecast.js", get(client::module))
        .route("/wavecast.iife.js", get(client::script_tag))
        .route("/wavecast/{*module}", get(client::inner_module));
    if has_start_page {
        scripts
            .route("/", get(files::page))
            .route("/page/{file}", get(files::file))
    } else {
        scripts.route("/", get(files::absent))
    }
}
