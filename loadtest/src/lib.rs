//! Load tester for WebSocket push systems: exact books, honest latency, PASS or FAIL.
//!
//! A run has workers (threads that own sockets), publishers (threads that own one keep-alive HTTP
//! connection each) and one reporter. They share a plan of who subscribes to what, and a
//! ledger of what was published; each subscription keeps its own book and the two are compared at the end.

mod base;
mod books;
mod cli;
mod command;
mod compare;
mod dashboard;
mod doctor;
mod measure;
pub mod null_server;
mod plan;
mod report;
pub mod result;
mod run;
mod sockets;
mod verdict;
mod wire;

pub use command::dispatch::main;
