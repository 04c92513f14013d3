//! The event stream dialect: frames as server-sent events (HTML Living Standard §9.2).

mod encoder;
mod positions;

pub use encoder::Encoder;
pub use positions::Positions;
