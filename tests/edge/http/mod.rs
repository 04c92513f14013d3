//! The rest of the HTTP API: bodies, health, lists, the page.

mod api;
mod lists;
