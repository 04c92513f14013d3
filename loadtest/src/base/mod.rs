//! What every other folder builds on: the clock, addresses, threads, units, exit codes and printing.

pub(crate) mod clock;
pub(crate) mod exit;
pub(crate) mod print;
pub(crate) mod source_ips;
pub(crate) mod target;
pub(crate) mod threads;
pub(crate) mod tls;
pub(crate) mod tokens;
pub(crate) mod units;
