//! Event streams (server-sent events, HTML Living Standard §9.2): frames as lines of text.

mod encoder;
mod positions;

pub use encoder::Encoder;
pub use positions::Positions;
