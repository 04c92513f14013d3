//! The subcommands of the command line.

mod bench_self;
mod compare;
mod compare_hubs;
pub(crate) mod dispatch;
mod doctor;
mod find_max;
#[cfg(test)]
mod run_tests;
mod scenes;
mod verify;
