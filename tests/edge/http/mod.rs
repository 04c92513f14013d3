//! The rest of the HTTP API: bodies, health, lists, the page; and the edge of HTTP itself.

mod api_keys;
mod bodies;
mod body_budget;
mod broken_bodies;
mod connections;
mod drain;
mod heads;
mod keep_alive;
mod lists;
mod page;
mod percent_encoding;
mod pipelining;
mod status;
mod strangers;
mod unread_bodies;
mod users;
