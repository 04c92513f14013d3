//! The session of the native protocol: rooms and channels over one connection.

use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use futures_util::future::join;
use futures_util::poll;

use super::{InboundMessage, Session};
use crate::dialect::native::parse_commands;
use crate::hub::{Client, HubClosed, Phase};
use crate::node::Node;
use crate::protocol::{
    ClientMessage, CloseCode, Command, ErrorCode, Json, Refusal, RefusedCommand, ServerMessage,
};

/// The protocol state of one client: the commands that were read and not yet carried out. The
/// client's memberships are in the hub.
///
/// Bound: the commands of one read. While they wait, they share a limit with the unfinished messages
/// of all clients.
#[derive(Debug)]
pub struct NativeSession {
    node: Arc<Node>,
    client: Arc<Client>,
    accepted: Vec<Accepted>,
}

/// A command that was read.
type Accepted = Result<Command, RefusedCommand>;

impl NativeSession {
    /// The session of a client that has just connected.
    pub fn new(node: Arc<Node>, client: Arc<Client>) -> Self {
        Self {
            node,
            client,
            accepted: Vec::new(),
        }
    }

    /// Carries out commands in order.
    async fn carry_out(&self, commands: Vec<Accepted>) -> Result<(), HubClosed> {
        for command in commands {
            // The client's own replies push back on its reading; they never evict it.
            self.node.reply_room(&self.client).await;
            if self.client.phase() != Phase::Open {
                break;
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

    /// Carries out a command, and replies with an error if it is refused.
    async fn execute(&self, command: Command) -> Result<(), HubClosed> {
        let id = command.id.as_ref();
        match self.dispatch(&command.message, id).await {
            Ok(()) => Ok(()),
            Err(refusal) => self.refuse(&refusal, id).await,
        }
    }

    async fn dispatch(&self, message: &ClientMessage, id: Option<&Json>) -> Result<(), Refusal> {
        let (node, client) = (&self.node, &self.client);
        match message {
            ClientMessage::Join { room, resume } => {
                let resume = resume.as_ref();
                node.join(client, room, resume, id).await.map(drop)
            }
            ClientMessage::Leave { room } => node.leave(client, room, id).await,
            ClientMessage::Message { room, content } => node.say(client, room, content, id).await,
            ClientMessage::Subscribe { channel, resume } => {
                node.subscribe(client, channel, resume.as_ref(), id).await
            }
            ClientMessage::Unsubscribe { channel } => node.unsubscribe(client, channel, id).await,
            ClientMessage::RoomHistory { room, request } => {
                node.read_room(client, room, *request, id).await
            }
            ClientMessage::ChannelHistory { channel, request } => {
                node.read_channel(client, channel, *request, id).await
            }
            ClientMessage::Ping => node
                .reply(client, &ServerMessage::Pong, id)
                .await
                .map_err(|HubClosed| ErrorCode::Draining.into()),
        }
    }

    async fn refuse(&self, refusal: &Refusal, id: Option<&Json>) -> Result<(), HubClosed> {
        let error = ServerMessage::Error { refusal };
        self.node.reply(&self.client, &error, id).await
    }
}

impl Session for NativeSession {
    fn accept(&mut self, message: InboundMessage<'_>) {
        match message {
            // Binary frames contain the same JSON as text frames.
            InboundMessage::Text(text) | InboundMessage::Binary(text) => {
                parse_commands(text, |command| self.accepted.push(command));
            }
            InboundMessage::TooLarge => {
                let refusal = Refusal::new(ErrorCode::MessageTooLarge);
                self.accepted.push(Err(refusal.into()));
            }
        }
    }

    fn has_work(&self) -> bool {
        !self.accepted.is_empty()
    }

    async fn perform(&mut self) -> Result<(), HubClosed> {
        // `take` leaves an empty vector, so that an idle session owns no memory.
        let commands = std::mem::take(&mut self.accepted);
        let bytes = bytes_of(&commands);
        let mut work = pin!(self.carry_out(commands));
        if let Poll::Ready(done) = poll!(work.as_mut()) {
            return done;
        }
        let Some(_waiting) = self.node.unfinished_messages().wait(bytes) else {
            let close = self.node.close(&self.client, CloseCode::Overloaded, None);
            // Side by side: the work may be in the queue that the Close frame has to enter.
            let (closed, done) = join(close, work).await;
            return closed.and(done);
        };
        work.await
    }
}

/// Bytes that commands take, about.
#[allow(clippy::ptr_arg, reason = "the capacity counts")]
fn bytes_of(commands: &Vec<Accepted>) -> usize {
    let texts = commands.iter().map(|command| match command {
        Ok(command) => command.text_bytes(),
        Err(refused) => refused.text_bytes(),
    });
    commands.capacity() * size_of::<Accepted>() + texts.sum::<usize>()
}
