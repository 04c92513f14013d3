//! The rest of the HTTP API: bodies, health, lists, the page.

mod bodies;
mod connections;
mod lists;
mod page;
mod status;
