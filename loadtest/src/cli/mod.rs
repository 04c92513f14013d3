//! The command line: arguments, flags, scenarios and scenario files, and the run options that follow from them.

pub(crate) mod args;
pub(crate) mod fault_flags;
pub(crate) mod flags;
mod identity_flags;
pub(crate) mod scenario;
pub(crate) mod scenario_file;
pub(crate) mod setup;
mod stages_check;
mod stages_flag;
mod target;
