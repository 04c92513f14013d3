//! The one table of error codes: what a client or a backend reads when it is refused.

/// A stable code for a refusal, the same over WebSocket and HTTP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorCode {
    /// The text is no JSON.
    InvalidJson,
    /// The JSON is neither an object nor an array of objects, or holds too many.
    InvalidCommand,
    /// The `type` of a command is not one the server knows.
    UnknownType,
    /// A field that the command needs is missing or of the wrong type.
    MissingField,
    /// A command's `id` is neither a short string nor an integer.
    InvalidId,
    /// The room's name breaks the rules for names.
    InvalidRoom,
    /// The channel's name breaks the rules for names.
    InvalidChannel,
    /// The user's id breaks the rules for names.
    InvalidUser,
    /// The event's own name or id breaks the rules for names.
    InvalidEvent,
    /// A position, or which part of a history is asked for, is no such thing.
    InvalidPosition,
    /// The room or channel keeps no history.
    NoHistory,
    /// The room has as many members as it may have.
    RoomFull,
    /// The client is not a member of the room.
    NotInRoom,
    /// The client is not subscribed to the channel.
    NotSubscribed,
    /// The client is in as many rooms and channels as one client may be.
    TooManyTopics,
    /// The server or the application does not allow this, whether the topic exists or not.
    Forbidden,
    /// The message is larger than the server takes.
    MessageTooLarge,
    /// The server is shutting down and takes nothing new.
    Draining,
    /// The server could not take the event in time; try again.
    Overloaded,
    /// There is no such connection, room, channel or page.
    NotFound,
    /// The HTTP method is not one this address takes.
    MethodNotAllowed,
    /// The request's body is not announced as JSON.
    UnsupportedMediaType,
    /// A query parameter has no meaning here.
    InvalidQuery,
    /// The server holds as many connections as it may.
    TooManyConnections,
    /// The request was not complete in time.
    RequestTimeout,
    /// Something inside the server failed.
    Internal,
}

impl ErrorCode {
    /// The code as it stands on the wire.
    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    /// The sentence that stands beside the code.
    pub const fn message(self) -> &'static str {
        self.row().1
    }

    /// The HTTP status a request is answered with.
    pub const fn http_status(self) -> u16 {
        self.row().2
    }

    const fn row(self) -> (&'static str, &'static str, u16) {
        match self {
            Self::InvalidJson => ("invalid_json", "Invalid JSON", 400),
            Self::InvalidCommand => ("invalid_command", "Invalid command", 400),
            Self::UnknownType => ("unknown_type", "Unknown message type", 400),
            Self::MissingField => ("missing_field", "Missing field", 400),
            Self::InvalidId => ("invalid_id", "Invalid id", 400),
            Self::InvalidRoom => ("invalid_room", "Invalid room", 400),
            Self::InvalidChannel => ("invalid_channel", "Invalid channel", 400),
            Self::InvalidUser => ("invalid_user", "Invalid user", 400),
            Self::InvalidEvent => ("invalid_event", "Invalid event", 400),
            Self::InvalidPosition => ("invalid_position", "Invalid position", 400),
            Self::NoHistory => ("no_history", "No history is kept", 409),
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
            Self::InvalidQuery => ("invalid_query", "Invalid query", 400),
            Self::TooManyConnections => ("too_many_connections", "Too many connections", 503),
            Self::RequestTimeout => ("request_timeout", "Request timeout", 408),
            Self::Internal => ("internal", "Internal error", 500),
        }
    }
}
