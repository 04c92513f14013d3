//! The edge as its clients see it: over real sockets, in literal bytes and text.
//!
//! One binary, a module a theme; `support` holds the server under test and the raw
//! clients. Waits have a deadline (`support::PATIENCE`), and nothing sleeps to be sure
//! that something did not happen: a round trip through the same queues proves it.

// `pub` marks what a module of `support` offers to the others.
#![allow(unreachable_pub)]

mod channels;
mod cli;
mod connections;
mod document;
mod drain_under_load;
mod faults;
mod handshake;
mod heartbeat;
mod history;
mod http_api;
mod http_lists;
mod library;
mod messages;
mod overflow;
mod protocol_errors;
mod publishing;
mod publishing_once;
mod publishing_once_full;
mod recovery;
mod recovery_under_load;
mod reserved_channels;
mod room_limits;
mod room_order;
mod rooms;
mod shutdown;
mod slow_consumer;
mod sse;
mod sse_bounds;
mod sse_elsewhere;
mod sse_resume;
mod support;
