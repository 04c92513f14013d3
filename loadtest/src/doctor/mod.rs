//! Checks whether this machine is ready for a run, and finds the commands that fix it.

pub(crate) mod checks;
pub(crate) mod finding;
pub(crate) mod machine;
#[cfg(test)]
mod tests;
