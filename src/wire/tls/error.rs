//! How the records of a connection end.

/// Why no more records are read, or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsEnd {
    /// The peer has said that nothing more follows (`close_notify`).
    #[error("the peer has ended the session")]
    Closed,
    /// The peer has broken the protocol, or ended the session with an alert. What there is to tell
    /// it is pending.
    #[error("{0}")]
    Failed(String),
}
