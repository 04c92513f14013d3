//! Compares two results: what became worse, beyond noise.

pub(crate) mod comparison;
pub(crate) mod direction;
mod interval;
pub(crate) mod table;
