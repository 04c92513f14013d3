//! The session of a connection whose client has not sent its token yet.

use std::sync::Arc;
use std::time::Instant;

use super::accepted::{Accepted, Parsed, Remaining, id_of};
use super::rates::{Answer, Rates, take_bytes, take_control_frame};
use super::{InboundMessage, NativeSession};
use crate::hub::Client;
use crate::node::Node;
use crate::protocol::{
    ClientMessage, CloseCode, Command, ErrorCode, Json, Refusal, RefusedCommand, ServerMessage,
    Token,
};

/// The protocol state before authentication: `auth` and `ping` are answered, and every other
/// command is refused with `unauthenticated`.
#[derive(Debug)]
pub struct UnauthenticatedSession {
    node: Arc<Node>,
    accepted: Accepted,
    remaining: Option<Remaining>,
    rates: Rates,
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
    /// To be closed with this code.
    Close(CloseCode),
}

impl UnauthenticatedSession {
    /// The session of a connection that has just been made.
    pub fn new(node: Arc<Node>) -> Self {
        Self {
            node,
            accepted: Accepted::default(),
            remaining: None,
            rates: Rates::default(),
        }
    }

    /// Accepts a message.
    pub fn accept(&mut self, message: InboundMessage<'_>) {
        let Self {
            node,
            rates,
            accepted,
            ..
        } = self;
        accepted.add(message, |bytes| take_bytes(node, rates, bytes));
    }

    /// Accepts a ping or a pong. False if there are too many.
    pub fn accept_control_frame(&mut self) -> bool {
        take_control_frame(&self.node, &mut self.rates)
    }

    /// Whether a command may be answered. If it is too much, what follows; `None` for nothing.
    fn admit(&mut self, command: &Parsed) -> Result<(), Option<Step>> {
        let Some(meters) = self.node.connection_meters() else {
            return Ok(());
        };
        let taken = self.rates.take_command(meters, command, Instant::now());
        taken.map_err(|too_much| {
            self.node.count_limited(too_much.limit);
            match too_much.answer {
                Answer::Refuse(refusal) => {
                    let error = ServerMessage::Error { refusal: &refusal };
                    Some(reply(&error, id_of(command)))
                }
                Answer::Nothing => None,
                Answer::Close => Some(Step::Close(CloseCode::RateLimitExceeded)),
            }
        })
    }

    /// The next command, in order. `None` if there is none.
    pub fn next_step(&mut self) -> Option<Step> {
        let command = loop {
            if let Some(command) = self.remaining.as_mut().and_then(Iterator::next) {
                match self.admit(&command) {
                    Ok(()) => break command,
                    Err(None) => continue,
                    Err(step) => return step,
                }
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
    pub fn into_native(mut self, client: Arc<Client>) -> NativeSession {
        let before = self.remaining.into_iter().flatten();
        let commands = before.chain(self.accepted.take());
        NativeSession::with_commands(self.node, client, commands, self.rates)
    }
}

fn reply(message: &ServerMessage<'_>, id: Option<&Json>) -> Step {
    Step::Reply(message.to_reply(id))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{ConnectionRates, Rate, RateLimit};
    use crate::node::LimitOptions;
    fn session(rates: ConnectionRates) -> UnauthenticatedSession {
        let limits = LimitOptions {
            rates,
            ..LimitOptions::default()
        };
        UnauthenticatedSession::new(Node::with_limits(limits))
    }

    #[tokio::test]
    async fn a_client_that_nobody_knows_may_not_send_more_than_one_that_is_known() {
        let once = |burst| {
            Rate::parse("1/h")
                .ok()
                .map(|rate| RateLimit::new(rate, burst))
        };
        let mut session = session(ConnectionRates {
            commands: once(2),
            bytes: once(9000),
            control_frames: once(1),
            presence_updates: None,
        });
        let ping = r#"{"type":"ping"}"#;
        for _ in 0..200 {
            session.accept(InboundMessage::Text(&mut Vec::from(ping)));
        }
        let (mut pongs, mut refusals) = (0, 0);
        let end = loop {
            match session.next_step() {
                Some(Step::Reply(text)) if text == r#"{"type":"pong"}"# => pongs += 1,
                Some(Step::Reply(text)) => {
                    assert!(text.contains("\"code\":\"rate_limited\""), "{text}");
                    refusals += 1;
                }
                end => break end,
            }
        };
        assert_eq!((pongs, refusals), (2, 10));
        assert_eq!(end, Some(Step::Close(CloseCode::RateLimitExceeded)));
        assert!(session.accept_control_frame() && !session.accept_control_frame());
    }

    #[tokio::test]
    async fn only_tokens_and_pings_are_answered_and_what_follows_the_token_is_kept() {
        let mut session = session(ConnectionRates::default());
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
