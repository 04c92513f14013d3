//! Errors as HTTP responses: problem details (RFC 9457), as in the HTTP API.

use axum::response::{IntoResponse, Response};

use super::clients::{DisconnectError, SendError};
use super::history::HistoryError;
use super::rooms::{BroadcastError, JoinRoomError, LeaveRoomError};
use crate::http;
use crate::node::PublishError;
use crate::protocol::Refusal;

macro_rules! answer_with_problem {
    ($($error:ty),+ $(,)?) => {$(
        /// Problem details (RFC 9457), as in the HTTP API.
        impl IntoResponse for $error {
            fn into_response(self) -> Response {
                http::refuse(Refusal::from_error(self.code(), &self))
            }
        }
    )+};
}

answer_with_problem!(
    BroadcastError,
    DisconnectError,
    HistoryError,
    JoinRoomError,
    LeaveRoomError,
    PublishError,
    SendError,
);
