//! Whether this machine can carry a run, and the exact command where it cannot.

pub(crate) mod checks;
pub(crate) mod finding;
pub(crate) mod machine;
#[cfg(test)]
mod tests;
