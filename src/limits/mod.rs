//! Rates and how they are enforced, and the names under which refusals are counted.
//!
//! Pure: time is passed in.

mod bucket;
mod connection_rates;
mod counters;
mod limit;
mod rate;
mod rate_limit;
mod window;

#[cfg(any(test, feature = "auth"))]
pub use bucket::SharedBucket;
pub use bucket::{Bucket, Empty, Meter};
pub use connection_rates::{ConnectionMeters, ConnectionRates};
pub use counters::LimitCounters;
pub use limit::Limit;
pub use rate::{Rate, RateError};
pub use rate_limit::RateLimit;
pub use window::Window;
