//! The server as its clients see it: over real sockets, in literal bytes and text.
//!
//! One binary, one folder per theme. `support` has the server under test and raw clients.
//! Every wait has a deadline (`support::within`), and no test sleeps to be sure that
//! something did not happen: a round trip through the same queues proves it.

// In `support`, `pub` marks what a module offers to the others.
#![allow(unreachable_pub)]

mod binary;
mod channels;
mod dialects;
mod event_stream;
mod http;
mod library;
mod lifecycle;
mod limits;
mod overload;
mod presence;
mod protocol_document;
mod publishing;
mod recovery;
mod rooms;
mod support;
mod tls;
mod tokens;
mod websocket;
