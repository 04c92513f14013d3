//! Channels: one-way; clients subscribe, backends publish.

use std::sync::Arc;

use super::Node;
use super::refusals::{refuse_closed, refuse_join, refuse_leave};
use crate::hub::{Client, HubClosed, JoinError, JoinOptions, LeaveError};
use crate::protocol::{
    ChannelName, Json, Presence, Refusal, ResumeRequest, Resumption, ServerMessage, Token,
    TopicKind,
};

impl Node {
    /// Subscribes the client, with a token for this channel if it has one, and replays what its resume
    /// request asks for. A subscription to
    /// a channel that every client receives anyway (`$all`, `$system`) is only acknowledged.
    pub async fn subscribe(
        &self,
        client: &Arc<Client>,
        channel: &ChannelName,
        (token, resume): (Option<&Token>, Option<&ResumeRequest>),
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        let asked = (token, resume, None);
        self.subscribe_and_watch(client, channel, asked, reply_to)
            .await
    }

    /// The same, and tells the client from now on who is present, or no longer. `None` changes nothing.
    pub async fn subscribe_and_watch(
        &self,
        client: &Arc<Client>,
        channel: &ChannelName,
        (token, resume, watches): (Option<&Token>, Option<&ResumeRequest>, Option<bool>),
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        let terms = self
            .may_subscribe(client, channel, token, resume, watches == Some(true))
            .await?;
        // Its newer token for the channel may lack the right to be told on.
        let is_granted = watches.is_none() && terms.identity().is_some();
        let loses_presence = is_granted && self.loses_presence(client, channel).await;
        let watches = if loses_presence { Some(false) } else { watches };
        let dialect = self.dialect_of(client);
        let ack = |resumption: Option<&Resumption>, presence: Option<&Presence>| {
            let channel = channel.as_str();
            let subscribed = ServerMessage::Subscribed {
                channel,
                resumption,
                presence,
            };
            dialect.message(&subscribed, reply_to)
        };
        if channel.reaches_everyone() {
            let unrecovered = resume.map(Resumption::without_history);
            return self
                .hub
                .reply(client, ack(unrecovered.as_ref(), None))
                .await
                .map_err(|HubClosed| refuse_closed(channel));
        }
        let (resume, unrecovered) = terms.apply(resume);
        let info = self.info_in(client, channel.into());
        let options = JoinOptions {
            resume,
            info: Some(&info),
            watches,
            ..JoinOptions::default()
        };
        let (kind, name) = (TopicKind::Channel, channel.as_shared());
        let join = self
            .hub
            .join_and_tell(client, kind, name, options, |joined| {
                let resumption = joined.resumption.or(unrecovered.as_ref());
                Some(ack(resumption, joined.present))
            });
        let joined = self.in_time(JoinError::Overloaded, join).await;
        joined
            .map(drop)
            .map_err(|error| refuse_join(error, channel))
    }

    /// Ends the client's subscription.
    pub async fn unsubscribe(
        &self,
        client: &Arc<Client>,
        channel: &ChannelName,
        reply_to: Option<&Json>,
    ) -> Result<(), Refusal> {
        Self::may_unsubscribe(channel)?;
        let name = channel.as_str();
        let unsubscribed = ServerMessage::Unsubscribed {
            channel: name,
            reason: None,
        };
        let ack = self.dialect_of(client).message(&unsubscribed, reply_to);
        let leave = self
            .hub
            .leave(client, TopicKind::Channel, name, Some(&ack), None);
        let left = self.in_time(LeaveError::Overloaded, leave).await;
        left.map_err(|error| refuse_leave(error, channel))
    }
}
