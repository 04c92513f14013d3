//! Rooms: membership, limits, the order of what members see.

mod limits;
mod membership;
mod ordering;
mod payloads;
