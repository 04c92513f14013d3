//! The rest of the HTTP API: bodies, health, lists, the page.

mod bodies;
mod body_budget;
mod connections;
mod lists;
mod page;
mod pipelining;
mod status;
