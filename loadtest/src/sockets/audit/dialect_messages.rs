//! The messages of a hub that is not Wavecast, and what to send to it.

use super::auditor::{Auditor, Status};
use crate::dialect::hub_dialect::{Dialect, Incoming};
use crate::dialect::template::Values;
use crate::sockets::close_cause::CloseCause;
use crate::wire::client_frame;
use crate::wire::server_message::{Position, ServerMessage};
use std::sync::Arc;

/// The longest incomplete message that is kept.
const MAX_CARRY: usize = 4 * 1024 * 1024;

impl Auditor {
    /// The path of the upgrade request.
    pub(crate) fn upgrade_path(&self, local: usize) -> String {
        let path = &self.state.ws.path;
        let channel = self.state.plan.channels_of(self.conn(local)).next();
        match (&self.state.dialect, channel) {
            (Some(dialect), Some(channel)) => {
                let name = dialect.channel_name(&self.state.plan.channel_name(channel));
                path.replace("{{channel}}", &name)
            }
            _ => path.clone(),
        }
    }

    /// The frames to send after the upgrade.
    pub(crate) fn first_commands(&self, local: usize) -> Vec<String> {
        let Some(dialect) = &self.state.dialect else {
            let channels = self.state.plan.channels_of(self.conn(local));
            return channels
                .map(|channel| self.subscribe_command(local, channel))
                .collect();
        };
        let values = Values {
            token: &self.state.credentials.token,
            ..Values::default()
        };
        let mut commands: Vec<String> = dialect
            .hello
            .iter()
            .map(|template| template.text(&values))
            .collect();
        if dialect.file.welcome.is_none() {
            commands.extend(self.subscriptions(local, dialect));
        }
        commands
    }

    fn subscriptions(&self, local: usize, dialect: &Dialect) -> Vec<String> {
        let Some(subscribe) = &dialect.subscribe else {
            return Vec::new();
        };
        let channels = self.state.plan.channels_of(self.conn(local));
        channels
            .zip(2..)
            .map(|(channel, id)| {
                subscribe.text(&Values {
                    channel: &dialect.channel_name(&self.state.plan.channel_name(channel)),
                    id,
                    token: &self.state.credentials.token,
                    ..Values::default()
                })
            })
            .collect()
    }

    /// The first commands are sent. If the hub does not confirm subscriptions, the socket is ready now, or after the welcome.
    pub(crate) fn on_unconfirmed(&mut self, local: usize) {
        let confirms =
            |dialect: &Dialect| dialect.file.subscribed.is_some() || dialect.file.welcome.is_some();
        if self
            .state
            .dialect
            .as_ref()
            .is_some_and(|own| !confirms(own))
        {
            self.confirm_all(local);
        }
    }

    fn confirm_all(&mut self, local: usize) {
        while self.is_opening(local) {
            self.confirm_next(local);
        }
    }

    /// Confirmations come in the order of the subscriptions.
    fn confirm_next(&mut self, local: usize) {
        let Status::Opening(missing) = self.sockets[local].status else {
            return;
        };
        let plan = &self.state.plan;
        let nth = plan.subs_per_conn.saturating_sub(missing) as usize;
        let channel = plan.channels_of(self.conn(local)).nth(nth);
        let name = plan.channel_name(channel.unwrap_or_default());
        let confirmed = ServerMessage::Subscribed(name.as_bytes(), Position::default());
        self.on_message(local, confirmed, 0);
    }

    /// Audits a frame of a hub that is not Wavecast.
    pub(super) fn on_dialect_frame(
        &mut self,
        local: usize,
        frame: &[u8],
        now_ns: u64,
    ) -> Result<(), CloseCause> {
        let state = Arc::clone(&self.state);
        let Some(dialect) = &state.dialect else {
            return Ok(());
        };
        let mut carry = std::mem::take(&mut self.sockets[local].carry);
        let mut refused = None;
        dialect.decode(frame, &mut carry, |message| {
            self.on_incoming(local, dialect, &message, now_ns, &mut refused);
        });
        if carry.len() > MAX_CARRY {
            self.on_malformed(local);
            carry = Vec::new();
        }
        self.sockets[local].carry = carry;
        refused.map_or(Ok(()), |text| Err(CloseCause::Refused(text)))
    }

    fn on_incoming(
        &mut self,
        local: usize,
        dialect: &Dialect,
        message: &Incoming<'_>,
        now_ns: u64,
        refused: &mut Option<String>,
    ) {
        match *message {
            Incoming::Event(Some(channel), stamp) => {
                let prefix = dialect.file.channel_prefix.as_bytes();
                let name = channel.strip_prefix(prefix).unwrap_or(channel);
                self.on_message(local, ServerMessage::Event(name, Some(stamp)), now_ns);
            }
            Incoming::Event(None, stamp) => {
                let own = stamp.channel < u64::from(self.state.plan.channels);
                let channel = if own { stamp.channel as u32 } else { u32::MAX };
                let name = self.state.plan.channel_name(channel);
                let event = ServerMessage::Event(name.as_bytes(), Some(stamp));
                self.on_message(local, event, now_ns);
            }
            Incoming::Welcome if self.is_opening(local) => {
                for command in self.subscriptions(local, dialect) {
                    self.write(local, client_frame::TEXT, command.as_bytes());
                }
                if dialect.file.subscribed.is_none() {
                    self.confirm_all(local);
                }
            }
            Incoming::Subscribed => self.confirm_next(local),
            Incoming::Question(answer) => {
                self.tally.pings += 1;
                self.write(local, client_frame::TEXT, answer.as_bytes());
            }
            Incoming::Error(text) if self.is_opening(local) => {
                *refused = Some(format!("{:.200}", String::from_utf8_lossy(text)));
            }
            Incoming::Error(text) => self.on_message(local, ServerMessage::Error(text), now_ns),
            Incoming::Malformed => self.on_malformed(local),
            Incoming::Welcome | Incoming::Other => {}
        }
    }

    /// Sends a heartbeat on every socket.
    pub(crate) fn send_heartbeats(&mut self, text: &str) {
        for local in 0..self.sockets.len() {
            self.write(local, client_frame::TEXT, text.as_bytes());
        }
    }
}
