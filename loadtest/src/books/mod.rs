//! What was sent, what was received, and what is missing.

pub(crate) mod book;
pub(crate) mod evidence;
pub(crate) mod ledger;
pub(crate) mod tally;
pub(crate) mod totals;
