//! The session of the native protocol: rooms and channels over one connection.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use super::accepted::{Accepted, Parsed, id_of, text_bytes};
use super::rates::{Answer, Rates, TooMuch, take_bytes, take_control_frame};
use super::{InboundMessage, Session};
use crate::hub::{Client, HubClosed, Phase};
use crate::node::{ClientPublication, Node};
use crate::protocol::{
    ClientMessage, CloseCode, Command, ErrorCode, Json, Refusal, RefusedCommand, ServerMessage,
};

/// The protocol state of one client: the commands that were read and not yet carried out. The
/// client's memberships are in the hub.
///
/// Bound: the commands of one read. While they wait until the client has read its replies, they share
/// a limit with the incomplete messages of all clients.
#[derive(Debug)]
pub struct NativeSession {
    node: Arc<Node>,
    client: Arc<Client>,
    accepted: Accepted,
    rates: Rates,
}

impl NativeSession {
    /// The session of a client that has just connected.
    pub fn new(node: Arc<Node>, client: Arc<Client>) -> Self {
        Self {
            node,
            client,
            accepted: Accepted::default(),
            rates: Rates::default(),
        }
    }

    /// The session of a client that has just authenticated, with the commands that it sent behind its
    /// token.
    pub(super) fn with_commands(
        node: Arc<Node>,
        client: Arc<Client>,
        commands: impl Iterator<Item = Parsed>,
        rates: Rates,
    ) -> Self {
        let accepted = Accepted::from_parsed(commands);
        Self {
            node,
            client,
            accepted,
            rates,
        }
    }

    /// Carries out a command, and replies with an error if it is refused.
    async fn execute(&self, command: Command) -> Result<(), HubClosed> {
        let id = command.id.as_ref();
        match self.dispatch(&command.message, id).await {
            Ok(()) => Ok(()),
            Err(refusal) => {
                self.refuse(&refusal, id).await?;
                if refusal.code == ErrorCode::TooManyOfUser {
                    let code = CloseCode::TooManyOfUser;
                    self.node.close(&self.client, code, None).await?;
                }
                Ok(())
            }
        }
    }

    async fn dispatch(&self, message: &ClientMessage, id: Option<&Json>) -> Result<(), Refusal> {
        let (node, client) = (&self.node, &self.client);
        match message {
            ClientMessage::Auth { token } => node.authenticate(client, token, id).await,
            ClientMessage::Join {
                room,
                resume,
                presence,
            } => {
                let asked = (resume.as_ref(), *presence);
                let joined = node.join_and_watch(client, room, asked, id).await;
                joined.map(drop)
            }
            ClientMessage::Leave { room } => node.leave(client, room, id).await,
            ClientMessage::Message { room, content } => node.say(client, room, content, id).await,
            ClientMessage::Publish {
                channel,
                event_id,
                event,
                data,
            } => {
                let publication = ClientPublication {
                    channel,
                    event_id: event_id.as_ref(),
                    event: event.as_ref(),
                    data,
                };
                node.publish_for(client, publication, id).await
            }
            ClientMessage::Subscribe {
                channel,
                token,
                resume,
                presence,
            } => {
                let asked = (token.as_ref(), resume.as_ref(), *presence);
                node.subscribe_and_watch(client, channel, asked, id).await
            }
            ClientMessage::Unsubscribe { channel } => node.unsubscribe(client, channel, id).await,
            ClientMessage::RoomHistory { room, request } => {
                node.read_room(client, room, *request, id).await
            }
            ClientMessage::ChannelHistory { channel, request } => {
                node.read_channel(client, channel, *request, id).await
            }
            ClientMessage::RoomPresence { room, request } => {
                node.show_room(client, room, *request, id).await
            }
            ClientMessage::ChannelPresence { channel, request } => {
                node.show_channel(client, channel, *request, id).await
            }
            ClientMessage::Ping => node
                .reply(client, &ServerMessage::Pong, id)
                .await
                .map_err(|HubClosed| ErrorCode::Draining.into()),
        }
    }

    /// Answers a command that is too much.
    async fn refuse_too_much(&self, too_much: TooMuch, id: Option<&Json>) -> Result<(), HubClosed> {
        self.node.count_limited(too_much.limit);
        match too_much.answer {
            Answer::Refuse(refusal) => self.refuse(&refusal, id).await,
            Answer::Nothing => Ok(()),
            Answer::Close => {
                let code = CloseCode::RateLimitExceeded;
                self.node.close(&self.client, code, None).await
            }
        }
    }

    async fn refuse(&self, refusal: &Refusal, id: Option<&Json>) -> Result<(), HubClosed> {
        let error = ServerMessage::Error { refusal };
        self.node.reply(&self.client, &error, id).await
    }
}

impl Session for NativeSession {
    fn accept(&mut self, message: InboundMessage<'_>) {
        let Self {
            node,
            rates,
            accepted,
            ..
        } = self;
        accepted.add(message, |bytes| take_bytes(node, rates, bytes));
    }

    fn accept_control_frame(&mut self) -> bool {
        take_control_frame(&self.node, &mut self.rates)
    }

    fn has_work(&self) -> bool {
        !self.accepted.is_empty()
    }

    async fn perform(&mut self) -> Result<(), HubClosed> {
        let mut commands = self.accepted.take();
        let mut waiting = None;
        while let Some(command) = commands.next() {
            // The client's own replies push back on its reading; they never evict it.
            let mut room = pin!(self.node.reply_room(&self.client));
            let must_wait = poll_fn(|cx| Poll::Ready(room.as_mut().poll(cx).is_pending()));
            if must_wait.await {
                if waiting.is_none() {
                    let bytes = text_bytes(&command) + commands.bytes();
                    waiting = self.node.unfinished_messages().wait(bytes);
                }
                if waiting.is_none() {
                    let code = CloseCode::Overloaded;
                    // Nobody but the client can make room, so nothing is kept for it.
                    drop((command, commands));
                    return self.node.close(&self.client, code, None).await;
                }
                room.await;
            }
            if self.client.phase() != Phase::Open {
                break;
            }
            if let Some(meters) = self.node.connection_meters()
                && let Err(too_much) = self.rates.take_command(meters, &command, Instant::now())
            {
                self.refuse_too_much(too_much, id_of(&command)).await?;
                continue;
            }
            match command {
                Ok(command) => self.execute(command).await?,
                Err(RefusedCommand { id, refusal }) => {
                    self.refuse(&refusal, id.as_ref()).await?;
                }
            }
        }
        Ok(())
    }
}
