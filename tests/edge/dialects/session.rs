//! The session of the terse dialect.

use std::sync::Arc;

use serde_json::Value;
use wavecast::ServerMessage;
use wavecast::hub::{Client, HubClosed};
use wavecast::node::Node;
use wavecast::protocol::{
    ChannelName, ErrorCode, HistoryRequest, Json, Position, Refusal, ResumeRequest, RoomName,
};
use wavecast::session::{InboundMessage, Session};

/// Carries out `["subscribe", channel, offset, epoch]`, `["join", room]`, `["say", room, content]`,
/// `["history", channel]` and `["pong"]`.
pub(super) struct TerseSession {
    pub(super) node: Arc<Node>,
    pub(super) client: Arc<Client>,
    pub(super) accepted: Vec<Value>,
}

impl TerseSession {
    async fn execute(&self, command: &Value) -> Result<(), Refusal> {
        let (node, client) = (&self.node, &self.client);
        let text = |index: usize| command[index].as_str().unwrap_or_default();
        match text(0) {
            "subscribe" => {
                let channel = ChannelName::new(text(1)).map_err(|_| ErrorCode::InvalidChannel)?;
                let position = command[2].as_u64().map(|offset| (offset, text(3)));
                let resume = ResumeRequest {
                    since: position.and_then(|(offset, epoch)| Position::new(offset, epoch)),
                    last: None,
                };
                node.subscribe(client, &channel, (None, Some(&resume)), None)
                    .await
            }
            "join" => {
                let room = RoomName::new(text(1)).map_err(|_| ErrorCode::InvalidRoom)?;
                node.join(client, &room, None, None).await.map(drop)
            }
            "say" => {
                let room = RoomName::new(text(1)).map_err(|_| ErrorCode::InvalidRoom)?;
                let content = Json::encode(&command[2]).map_err(|_| ErrorCode::InvalidJson)?;
                node.say(client, &room, &content, None).await
            }
            "history" => {
                let channel = ChannelName::new(text(1)).map_err(|_| ErrorCode::InvalidChannel)?;
                let request = HistoryRequest::new(None, None, None).expect("a valid request");
                node.read_channel(client, &channel, request, None).await
            }
            "pong" => {
                client.record_pong();
                Ok(())
            }
            _ => Err(ErrorCode::UnknownType.into()),
        }
    }
}

impl Session for TerseSession {
    fn accept(&mut self, message: InboundMessage<'_>) {
        if let InboundMessage::Text(text) = message {
            self.accepted.extend(serde_json::from_slice(text));
        }
    }

    fn has_work(&self) -> bool {
        !self.accepted.is_empty()
    }

    async fn perform(&mut self) -> Result<(), HubClosed> {
        for command in std::mem::take(&mut self.accepted) {
            if let Err(refusal) = self.execute(&command).await {
                let error = ServerMessage::Error { refusal: &refusal };
                self.node.reply(&self.client, &error, None).await?;
            }
        }
        Ok(())
    }
}
