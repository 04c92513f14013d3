//! The run on a terminal: figures a few times per second, and keys to steer it.

pub(crate) mod keys;
mod panels;
mod screen;
pub(crate) mod snapshot;
pub(crate) mod terminal;
#[cfg(test)]
mod tests;
pub(crate) mod theme;
pub(crate) mod thread;
