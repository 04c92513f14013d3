//! What became worse between two runs, beyond noise.

pub(crate) mod comparison;
pub(crate) mod direction;
mod interval;
pub(crate) mod table;
