//! Load tester for WebSocket push systems: exact books, honest latency, PASS or FAIL.
//!
//! A run has workers, which are threads that own WebSockets, publishers, which are threads with one connection each, and
//! a conductor. They share a plan of who subscribes to what, and a ledger of what was published. Every subscription keeps a
//! book of what it received, and at the end the books are compared with the ledger.
//!
//! A folder imports only from folders above it in this table, and no two files import each other.
//!
//! | folder | contents |
//! |---|---|
//! | `base` | clock, addresses, threads, units, exit codes, printing |
//! | `wire` | WebSocket frames and handshake, JSON messages, stamps, two small blocking clients |
//! | `null_server` | a server that can be made to misbehave, to test the tester |
//! | `dialect` | target files: how to talk to a hub that is not Wavecast |
//! | `plan` | who subscribes to what, what is published when, which sockets misbehave |
//! | `result` | the result of a run, as it is written to JSON |
//! | `measure` | latency histograms, samples of processes, statistics of the server, regression |
//! | `books` | the ledger, the book of each subscription, tallies, evidence |
//! | `sockets` | workers, connections, publishers, and the auditor that judges what arrives |
//! | `verdict` | metrics, assertions, the tester's check of itself |
//! | `dashboard` | the run on a terminal |
//! | `report` | text, JSON, HTML, Markdown, `JUnit`, CSV and `HdrHistogram` files |
//! | `run` | checks before a run, the conductor, progress, signals |
//! | `scenes` | scenarios that script each socket: rights and how they end, presence |
//! | `compare` | what became worse between two results |
//! | `doctor` | whether this machine is ready for a run |
//! | `cli` | arguments, flags, scenarios, and the run options that follow from them |
//! | `command` | one file per subcommand |

// The macros panic if their output is closed; the module `base/print` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod base;
mod books;
mod cli;
mod command;
mod compare;
mod dashboard;
mod dialect;
mod doctor;
mod measure;
pub mod null_server;
mod plan;
mod report;
pub mod result;
mod run;
mod scenes;
mod sockets;
mod verdict;
mod wire;

pub use command::dispatch::main;
