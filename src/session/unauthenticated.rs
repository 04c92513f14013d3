//! The session of a connection whose client has not sent its token yet.

use std::sync::Arc;

use super::accepted::{Accepted, Remaining};
use super::{InboundMessage, NativeSession};
use crate::hub::Client;
use crate::node::Node;
use crate::protocol::{
    ClientMessage, Command, ErrorCode, Json, Refusal, RefusedCommand, ServerMessage, Token,
};

/// The protocol state before authentication: `auth` and `ping` are answered, and every other
/// command is refused with `unauthenticated`.
#[derive(Debug, Default)]
pub struct UnauthenticatedSession {
    accepted: Accepted,
    remaining: Option<Remaining>,
}

/// What a client's next command asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To be answered with this text.
    Reply(String),
    /// To be authenticated.
    Authenticate {
        /// The token.
        token: Token,
        /// The id of the command.
        id: Option<Json>,
    },
}

impl UnauthenticatedSession {
    /// Accepts a message.
    pub fn accept(&mut self, message: InboundMessage<'_>) {
        match message {
            InboundMessage::Text(text) | InboundMessage::Binary(text) => self.accepted.push(text),
            InboundMessage::TooLarge => self.accepted.push_too_large(),
        }
    }

    /// The next command, in order. `None` if there is none.
    pub fn next_step(&mut self) -> Option<Step> {
        let command = loop {
            if let Some(command) = self.remaining.as_mut().and_then(Iterator::next) {
                break command;
            }
            self.remaining = None;
            if self.accepted.is_empty() {
                return None;
            }
            self.remaining = Some(self.accepted.take());
        };
        let (message, id) = match command {
            Ok(Command { message, id }) => (message, id),
            Err(RefusedCommand { id, refusal }) => {
                return Some(reply(
                    &ServerMessage::Error { refusal: &refusal },
                    id.as_ref(),
                ));
            }
        };
        Some(match message {
            ClientMessage::Auth { token } => Step::Authenticate { token, id },
            ClientMessage::Ping => reply(&ServerMessage::Pong, id.as_ref()),
            _ => {
                let refusal = &Refusal::new(ErrorCode::Unauthenticated);
                reply(&ServerMessage::Error { refusal }, id.as_ref())
            }
        })
    }

    /// The session of the client, which has authenticated. It goes on with the commands behind the
    /// token.
    pub fn into_native(mut self, node: Arc<Node>, client: Arc<Client>) -> NativeSession {
        let before = self.remaining.into_iter().flatten();
        NativeSession::with_commands(node, client, before.chain(self.accepted.take()))
    }
}

fn reply(message: &ServerMessage<'_>, id: Option<&Json>) -> Step {
    Step::Reply(message.to_reply(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::accepted::Parsed;

    #[test]
    fn only_tokens_and_pings_are_answered_and_what_follows_the_token_is_kept() {
        let mut session = UnauthenticatedSession::default();
        let mut text = *br#"[{"type":"ping","id":1},{"type":"subscribe","channel":"a","id":2},{"type":"shout"},{"type":"auth","token":"t","id":3},{"type":"ping"}]"#;
        session.accept(InboundMessage::Text(&mut text));
        session.accept(InboundMessage::TooLarge);
        let reply = |text: &str| Some(Step::Reply(text.to_owned()));
        assert_eq!(session.next_step(), reply(r#"{"type":"pong","id":1}"#));
        let refused = r#"{"type":"error","code":"unauthenticated","message":"Authentication required","id":2}"#;
        assert_eq!(session.next_step(), reply(refused));
        let unknown = r#"{"type":"error","code":"unknown_type","message":"Unknown message type"}"#;
        assert_eq!(session.next_step(), reply(unknown));
        let token = Token::new("t");
        let id = Some(Json::from_text("3".to_owned()));
        assert_eq!(session.next_step(), Some(Step::Authenticate { token, id }));
        session.accept(InboundMessage::TooLarge);
        let before = session.remaining.into_iter().flatten();
        let behind: Vec<_> = before.chain(session.accepted.take()).collect();
        let refused = |command: &Parsed| command.as_ref().is_err();
        let are_refused: Vec<bool> = behind.iter().map(refused).collect();
        assert_eq!(are_refused, [false, true, true]);
    }
}
