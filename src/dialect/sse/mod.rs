//! The event stream dialect: server-sent events (HTML Living Standard §9.2).

mod encoder;
mod frames;
mod positions;
mod record;
mod tag;

pub use encoder::Encoder;
pub use frames::EventStreamDialect;
pub use positions::Positions;
