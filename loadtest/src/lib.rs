//! Load tester for WebSocket push systems: exact books, honest latency, PASS or FAIL.
//!
//! A run has workers (threads that own sockets), publishers (threads that own one keep-alive HTTP
//! connection each) and one reporter. They share a [`plan`](crate) of who subscribes to what, and a
//! ledger of what was published; each subscription keeps its own book and the two are compared at the end.

mod assertion;
mod attacks;
mod auditor;
mod bench_self;
mod book;
mod cli;
mod client_frame;
mod clock;
mod cohort;
mod compare;
mod conductor;
mod connection;
mod dashboard;
mod deaf;
mod display;
mod doctor;
mod exit;
mod find_max;
mod flags;
mod frame;
mod handshake;
mod http_client;
mod incidents;
mod latency;
mod ledger;
pub mod null_server;
mod outcome;
mod payload;
mod plan;
mod popularity;
mod preflight;
mod process;
mod progress;
mod publisher;
mod reader;
mod regression;
mod relay;
mod report;
pub mod result;
mod run;
mod run_state;
mod sampler;
mod scan;
mod scenario;
mod scenario_file;
mod schedule;
mod service;
mod setup;
mod signals;
mod source_ips;
mod summary;
mod taint;
mod talk;
mod tally;
mod target;
mod threads;
mod totals;
mod trouble;
mod units;
mod verify;
mod visitor;
mod worker;

pub use cli::main;
