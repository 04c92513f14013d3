//! The dashboard: shows a run on a terminal, several times per second, and reads the keys that steer it.

pub(crate) mod keys;
mod panels;
mod screen;
pub(crate) mod snapshot;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;
pub(crate) mod theme;
pub(crate) mod thread;
