//! Load tester for WebSocket push systems: exact books, honest latency, PASS or FAIL.
//!
//! A run has workers (threads that own sockets), publishers (threads that own one keep-alive HTTP
//! connection each) and one reporter. They share a [`plan`](crate) of who subscribes to what, and a
//! ledger of what was published; each subscription keeps its own book and the two are compared at the end.

mod auditor;
mod book;
mod cli;
mod client_frame;
mod clock;
mod compare;
mod connection;
mod doctor;
mod exit;
mod frame;
mod handshake;
mod http_client;
mod latency;
mod ledger;
pub mod null_server;
mod plan;
mod preflight;
mod progress;
mod publisher;
mod report;
pub mod result;
mod run;
mod run_state;
mod scan;
mod source_ips;
mod summary;
mod tally;
mod target;
mod units;
mod verdict;
mod worker;

pub use cli::main;
