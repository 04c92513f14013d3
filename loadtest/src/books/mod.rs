//! The books: what was published, what each subscription received, and how often each thing happened.

pub(crate) mod book;
pub(crate) mod classes;
pub(crate) mod close_counts;
pub(crate) mod evidence;
pub(crate) mod ledger;
pub(crate) mod stage_tally;
pub(crate) mod tally;
#[cfg(test)]
mod tally_tests;
pub(crate) mod totals;
