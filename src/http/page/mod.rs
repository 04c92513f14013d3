//! `GET /`: the start page, and the JavaScript client that it uses.

mod client;
mod files;

use crate::http::api::ApiRouter;

/// The client's scripts and, if it is to be served, the start page.
pub(super) fn routes(has_start_page: bool) -> ApiRouter {
    let scripts = ApiRouter::default()
        .open("/wavecast.js", client::module)
        .open("/wavecast.iife.js", client::script_tag)
        .open("/wavecast/{*module}", client::inner_module);
    if has_start_page {
        scripts
            .open("/", files::page)
            .open("/page/{file}", files::file)
    } else {
        scripts.open("/", files::absent)
    }
}
