//! TLS in the statistics.

use serde::Serialize;

use crate::protocol::timestamp_seconds;
use crate::transport::tls::TlsStats;

/// What `GET /api/stats` says about TLS.
#[derive(Debug, Serialize)]
pub(super) struct TlsView {
    /// When the first certificate to expire does.
    expires: Option<String>,
    days_left: Option<i64>,
    handshakes: u64,
    handshake_failures: u64,
    reload_failures: u64,
}

impl TlsView {
    pub(super) fn of(stats: &TlsStats) -> Self {
        Self {
            expires: stats.expires().map(timestamp_seconds),
            days_left: stats.days_left(),
            handshakes: stats.handshakes(),
            handshake_failures: stats.handshake_failures(),
            reload_failures: stats.reload_failures(),
        }
    }
}
