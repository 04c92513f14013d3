//! The dialects of this server.

use super::native::Native;
use super::sse::EventStreamDialect;
use super::table::Dialects;

impl Default for Dialects {
    /// The native dialect and that of event streams.
    fn default() -> Self {
        Self::new(&Native, &[&EventStreamDialect])
    }
}
