//! The names of limits.

/// A limit whose refusals are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Limit {
    /// All connections.
    MaxConnections,
    /// Connections from one address.
    ConnectionsPerAddress,
    /// Connections of one user.
    ConnectionsPerUser,
    /// Requests to connect from one address.
    HandshakesPerAddress,
    /// Tokens and API keys from one address that were refused.
    FailedAuthPerAddress,
    /// Connections that have not sent their token yet.
    WaitingForAuth,
    /// Time until the token has come.
    AuthTimeout,
    /// Time until the header section of a request has come.
    Header,
    /// PROXY headers, which must be there, complete and in time.
    ProxyHeader,
    /// TLS handshakes that take too long, or that have to make room for others.
    Handshake,
    /// Commands of one connection.
    Commands,
    /// Bytes of the messages of one connection.
    Bytes,
    /// Pings and pongs of one connection.
    ControlFrames,
    /// Rooms and channels of one client.
    TopicsPerClient,
    /// Rooms and channels that have members.
    Topics,
    /// Requests for presence of one connection.
    PresenceUpdates,
}

impl Limit {
    /// Every limit, in the order in which they are shown.
    pub const ALL: [Self; 16] = [
        Self::MaxConnections,
        Self::ConnectionsPerAddress,
        Self::ConnectionsPerUser,
        Self::HandshakesPerAddress,
        Self::FailedAuthPerAddress,
        Self::WaitingForAuth,
        Self::AuthTimeout,
        Self::Header,
        Self::ProxyHeader,
        Self::Handshake,
        Self::Commands,
        Self::Bytes,
        Self::ControlFrames,
        Self::TopicsPerClient,
        Self::Topics,
        Self::PresenceUpdates,
    ];

    /// The name in metrics, in statistics and in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxConnections => "max_connections",
            Self::ConnectionsPerAddress => "connections_per_address",
            Self::ConnectionsPerUser => "connections_per_user",
            Self::HandshakesPerAddress => "handshakes_per_address",
            Self::FailedAuthPerAddress => "failed_auth_per_address",
            Self::WaitingForAuth => "waiting_for_auth",
            Self::AuthTimeout => "auth_timeout",
            Self::Header => "header",
            Self::ProxyHeader => "proxy_header",
            Self::Handshake => "handshake",
            Self::Commands => "commands",
            Self::Bytes => "bytes",
            Self::ControlFrames => "control_frames",
            Self::TopicsPerClient => "topics_per_client",
            Self::Topics => "topics",
            Self::PresenceUpdates => "presence_updates",
        }
    }
}
