//! The table of close codes that the server sends
//! ([RFC 6455 §7.4](https://www.rfc-editor.org/rfc/rfc6455#section-7.4)).

use super::ErrorCode;

/// Why the server closes a connection.
///
/// The number tells the client what to do. After 1001, 1011, 1012, 1013 and 4000–4499 it should
/// reconnect, with jitter; after 1002, 1003, 1007, 1008, 1009 and 4500–4999 it should not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseCode {
    /// 1001: the server is shutting down.
    GoingAway,
    /// 1008: the application refused the connection.
    Refused,
    /// 1011: an internal error.
    InternalError,
    /// 1013: the client reads too slowly, and its outbox is full.
    SlowConsumer,
    /// 1013: the application did not decide in time whether the client may connect.
    Overloaded,
    /// 4000: an operator closed the connection.
    ClosedByOperator,
    /// 4001: the client did not answer pings within `pong_timeout`.
    HeartbeatTimeout,
    /// 4002: the client goes on sending more than its rates allow.
    RateLimitExceeded,
    /// 4003: the client's token has expired.
    TokenExpired,
    /// 4004: the client's token was revoked.
    TokenRevoked,
    /// 4005: the client's user has too many connections.
    TooManyOfUser,
    /// 4500: the client needs a token and did not send one in time.
    AuthenticationRequired,
    /// 4501: the client's token is invalid.
    InvalidToken,
}

impl CloseCode {
    /// The close code of a connection that is refused after its handshake.
    pub const fn of_refused_connection(code: ErrorCode) -> Self {
        match code {
            ErrorCode::Draining => Self::GoingAway,
            ErrorCode::Internal => Self::InternalError,
            ErrorCode::Overloaded
            | ErrorCode::TooManyConnections
            | ErrorCode::TooManyFromAddress
            | ErrorCode::KeysUnavailable => Self::Overloaded,
            ErrorCode::TokenExpired => Self::TokenExpired,
            ErrorCode::RateLimited => Self::RateLimitExceeded,
            ErrorCode::TooManyOfUser => Self::TooManyOfUser,
            ErrorCode::Unauthenticated => Self::AuthenticationRequired,
            ErrorCode::InvalidToken | ErrorCode::TokenNotYetValid | ErrorCode::TokenRevoked => {
                Self::InvalidToken
            }
            _ => Self::Refused,
        }
    }

    /// The number in the Close frame.
    pub const fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::Refused => 1008,
            Self::InternalError => 1011,
            Self::SlowConsumer | Self::Overloaded => 1013,
            Self::ClosedByOperator => 4000,
            Self::HeartbeatTimeout => 4001,
            Self::RateLimitExceeded => 4002,
            Self::TokenExpired => 4003,
            Self::TokenRevoked => 4004,
            Self::TooManyOfUser => 4005,
            Self::AuthenticationRequired => 4500,
            Self::InvalidToken => 4501,
        }
    }

    /// The reason in the Close frame.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "shutdown",
            Self::Refused => "refused",
            Self::InternalError => "internal error",
            Self::SlowConsumer => "slow consumer",
            Self::Overloaded => "overloaded",
            Self::ClosedByOperator => "closed by operator",
            Self::HeartbeatTimeout => "heartbeat timeout",
            Self::RateLimitExceeded => "rate limit exceeded",
            Self::TokenExpired => "token expired",
            Self::TokenRevoked => "token revoked",
            Self::TooManyOfUser => "too many connections of this user",
            Self::AuthenticationRequired => "authentication required",
            Self::InvalidToken => "invalid token",
        }
    }
}
