//! The cost of a broadcast, compared with a bare loop of writes to the same sockets.
//!
//! Each delivery goes to a real loopback socket whose other end is read by another process. A
//! round ends when everything has been received. The figures are CPU times of this process. The
//! rounds of what is compared alternate, so that drift in the machine's speed does not affect the
//! ratios, and the tables show medians.
//!
//! `cargo bench --bench fanout` prints the tables in docs/BENCHMARKS.md, then criterion's figures. `one`,
//! `several`, `mailbox` or `criterion` after `--` selects one of them. `--test` runs one round of
//! each, with few subscribers.

#![allow(missing_docs, reason = "a benchmark is a program")]

mod fleet;
#[path = "../support/measure.rs"]
mod measure;
mod one_topic;
#[path = "../support/receivers.rs"]
mod receivers;
mod rounds;
mod several_topics;
mod workload;

use criterion::Criterion;

fn main() {
    if receivers::run_as_receiver() {
        return;
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let has = |wanted: &str| arguments.iter().any(|argument| argument == wanted);
    let quick = has("--test");
    let parts = ["one", "several", "mailbox", "criterion"];
    let all = !parts.into_iter().any(has);
    if all || has("one") {
        one_topic::table(quick);
    }
    if all || has("several") {
        several_topics::table(quick);
    }
    if all || has("mailbox") {
        one_topic::table_of_the_mailbox(quick);
    }
    if all && !quick {
        one_topic::criterion(&mut Criterion::default().configure_from_args());
    } else if has("criterion") {
        // Not its arguments: it would take the name of the part for a filter.
        one_topic::criterion(&mut Criterion::default());
    }
}
