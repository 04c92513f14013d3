//! The table of error codes, with their messages and HTTP statuses.

use std::fmt;

use serde::{Serialize, Serializer};

/// A stable code that says why a command or request was refused. The same over WebSocket and
/// HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// The text is not valid JSON.
    InvalidJson,
    /// The JSON is neither an object nor an array of objects, it holds too many commands, or a
    /// field is repeated.
    InvalidCommand,
    /// The command's `type` is unknown.
    UnknownType,
    /// A required field is missing or has the wrong type.
    MissingField,
    /// A publication has a field that does not exist.
    UnknownField,
    /// The command's `id` is neither a short string nor an integer.
    InvalidId,
    /// The room name is invalid.
    InvalidRoom,
    /// The channel name is invalid.
    InvalidChannel,
    /// The user id is invalid.
    InvalidUser,
    /// The event's name or id is invalid.
    InvalidEvent,
    /// A position, or the requested page of a history, is invalid.
    InvalidPosition,
    /// The room or channel keeps no history.
    NoHistory,
    /// It is not kept who is present in the room or channel.
    NoPresence,
    /// The room has its maximum number of members.
    RoomFull,
    /// The client is not a member of the room.
    NotInRoom,
    /// The client is not subscribed to the channel.
    NotSubscribed,
    /// The client is in its maximum number of rooms and channels.
    TooManyTopics,
    /// The server or the application does not allow this, whether the topic exists or not.
    Forbidden,
    /// The message exceeds the size limit.
    MessageTooLarge,
    /// The server is shutting down and accepts nothing new.
    Draining,
    /// The server could not accept the event in time; try again.
    Overloaded,
    /// There is no such connection, room, channel or page.
    NotFound,
    /// The path does not support the HTTP method.
    MethodNotAllowed,
    /// The request's `Content-Type` is not the one that the path takes.
    UnsupportedMediaType,
    /// The request's body is compressed, or has another `Content-Encoding`.
    UnsupportedContentEncoding,
    /// The request's `Transfer-Encoding` is not just `chunked`.
    UnsupportedTransferEncoding,
    /// The request's body ended early, or its chunks are invalid.
    InvalidBody,
    /// The request is not HTTP/1.1 or HTTP/1.0.
    UnsupportedHttpVersion,
    /// The request does not have exactly one valid `Host`.
    InvalidHost,
    /// The request has more than one `Origin`.
    InvalidOrigin,
    /// The path is not UTF-8 text once it is decoded.
    InvalidPath,
    /// A query parameter is unknown or invalid.
    InvalidQuery,
    /// The server has its maximum number of connections.
    TooManyConnections,
    /// There is no token or API key, and one is needed.
    Unauthenticated,
    /// The token cannot be verified, or something in it is invalid. Which check failed is only in the
    /// debug log.
    InvalidToken,
    /// The token is past its `exp`.
    TokenExpired,
    /// The token's `nbf` or `iat` is in the future.
    TokenNotYetValid,
    /// The token, or all of its user's tokens up to some time, were revoked.
    TokenRevoked,
    /// The token is in the query string, which is not allowed.
    TokenInQuery,
    /// There is more than one token in the request.
    SeveralTokens,
    /// The keys that tokens are verified with could not be fetched yet; try again.
    KeysUnavailable,
    /// The new token is of another user than the connection.
    UserChanged,
    /// The request comes from a page of an origin that is not allowed.
    OriginNotAllowed,
    /// There are too many revocations.
    TooManyRevocations,
    /// More was asked for than a rate allows; try again later.
    RateLimited,
    /// There are too many connections from the client's address; try again later.
    TooManyFromAddress,
    /// The user has too many connections; try again later.
    TooManyOfUser,
    /// The request was not received completely in time.
    RequestTimeout,
    /// Something failed inside the server.
    Internal,
}

impl ErrorCode {
    /// The code on the wire.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The message for a person, sent beside the code.
    pub const fn message(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status of a response with this code.
    pub const fn http_status(self) -> u16 {
        self.row().2
    }

    const fn row(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::InvalidJson => ("invalid_json", "Invalid JSON", 400),
            Self::InvalidCommand => ("invalid_command", "Invalid command", 400),
            Self::UnknownType => ("unknown_type", "Unknown message type", 400),
            Self::MissingField => ("missing_field", "Missing field", 400),
            Self::UnknownField => ("unknown_field", "Unknown field", 400),
            Self::InvalidId => ("invalid_id", "Invalid id", 400),
            Self::InvalidRoom => ("invalid_room", "Invalid room", 400),
            Self::InvalidChannel => ("invalid_channel", "Invalid channel", 400),
            Self::InvalidUser => ("invalid_user", "Invalid user", 400),
            Self::InvalidEvent => ("invalid_event", "Invalid event", 400),
            Self::InvalidPosition => ("invalid_position", "Invalid position", 400),
            Self::NoHistory => ("no_history", "No history is kept", 409),
            Self::NoPresence => ("no_presence", "No presence is kept", 409),
            Self::RoomFull => ("room_full", "Room full", 409),
            Self::NotInRoom => ("not_in_room", "Not in room", 409),
            Self::NotSubscribed => ("not_subscribed", "Not subscribed", 409),
            Self::TooManyTopics => ("too_many_topics", "Too many rooms and channels", 409),
            Self::Forbidden => ("forbidden", "Forbidden", 403),
            Self::MessageTooLarge => ("message_too_large", "Message too large", 413),
            Self::Draining => ("draining", "Server is shutting down", 503),
            Self::Overloaded => ("overloaded", "Server is overloaded", 503),
            Self::NotFound => ("not_found", "Not found", 404),
            Self::MethodNotAllowed => ("method_not_allowed", "Method not allowed", 405),
            Self::UnsupportedMediaType => ("unsupported_media_type", "Unsupported media type", 415),
            Self::UnsupportedContentEncoding => (
                "unsupported_content_encoding",
                "Unsupported content encoding",
                415,
            ),
            Self::UnsupportedTransferEncoding => (
                "unsupported_transfer_encoding",
                "Unsupported transfer encoding",
                501,
            ),
            Self::UnsupportedHttpVersion => {
                ("unsupported_http_version", "Unsupported HTTP version", 505)
            }
            Self::InvalidBody => ("invalid_body", "Invalid body", 400),
            Self::InvalidHost => ("invalid_host", "Invalid host", 400),
            Self::InvalidOrigin => ("invalid_origin", "Invalid origin", 400),
            Self::InvalidPath => ("invalid_path", "Invalid path", 400),
            Self::InvalidQuery => ("invalid_query", "Invalid query", 400),
            Self::TooManyConnections => ("too_many_connections", "Too many connections", 503),
            Self::Unauthenticated => ("unauthenticated", "Authentication required", 401),
            Self::InvalidToken => ("invalid_token", "Invalid token", 401),
            Self::TokenExpired => ("token_expired", "Token expired", 401),
            Self::TokenNotYetValid => ("token_not_yet_valid", "Token not yet valid", 401),
            Self::TokenRevoked => ("token_revoked", "Token revoked", 401),
            Self::TokenInQuery => ("token_in_query", "Token in query", 400),
            Self::SeveralTokens => ("several_tokens", "Several tokens", 400),
            Self::KeysUnavailable => ("keys_unavailable", "Keys unavailable", 503),
            Self::UserChanged => ("user_changed", "User changed", 409),
            Self::OriginNotAllowed => ("origin_not_allowed", "Origin not allowed", 403),
            Self::TooManyRevocations => ("too_many_revocations", "Too many revocations", 409),
            Self::RateLimited => ("rate_limited", "Rate limited", 429),
            Self::TooManyFromAddress => (
                "too_many_from_address",
                "Too many connections from this address",
                429,
            ),
            Self::TooManyOfUser => ("too_many_of_user", "Too many connections of this user", 429),
            Self::RequestTimeout => ("request_timeout", "Request timeout", 408),
            Self::Internal => ("internal", "Internal error", 500),
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
