//! `[limits]` of the binary: rates and bursts as they are written, and when they hold.

use super::groups::LimitsConfig;
use crate::limits::{Rate, RateLimit};

/// A resubscription in one message.
const MOST_COMMANDS_AT_ONCE: u64 = 1000;

/// The settings of `[limits]` that the library has in another form, or only in its policy.
#[derive(Debug, Clone)]
pub(crate) struct EdgeLimits {
    /// Connections from one address; 0 for no limit.
    pub(super) connections_per_address: u32,
    /// Connections of one user; 0 for no limit.
    pub(super) connections_per_user: usize,
    /// Connections that have not sent their token yet; 0 for no limit.
    pub(crate) waiting_for_auth: usize,
    pub(super) handshakes_per_address: Option<Rate>,
    pub(super) handshakes_per_address_burst: u64,
    /// Its burst is what comes in its unit.
    pub(super) failed_auth_per_address: Option<Rate>,
    pub(super) commands: Option<Rate>,
    pub(super) commands_burst: u64,
    pub(super) bytes: Option<Rate>,
    pub(super) bytes_burst: usize,
    pub(super) control_frames: Option<Rate>,
    pub(super) control_frames_burst: u64,
    /// Its burst is what comes in a second.
    pub(super) presence_updates: Option<Rate>,
}

impl Default for EdgeLimits {
    fn default() -> Self {
        Self {
            connections_per_address: 1000,
            connections_per_user: 100,
            waiting_for_auth: 4096,
            handshakes_per_address: Some(Rate::per_second(50)),
            handshakes_per_address_burst: 200,
            failed_auth_per_address: Some(Rate::per_minute(20)),
            commands: Some(Rate::per_second(100)),
            commands_burst: 2000,
            bytes: Some(Rate::per_second(256 * 1024)),
            bytes_burst: 2 * 1024 * 1024,
            control_frames: Some(Rate::per_second(20)),
            control_frames_burst: 100,
            presence_updates: Some(Rate::per_second(10)),
        }
    }
}

impl EdgeLimits {
    /// Sets the limits of the server. Those of a connection hold only if the configuration says
    /// anything about who may connect, or about limits (`has_rates`): on an open edge, a client's own
    /// commands only push back on its reading.
    pub(super) fn apply(&self, has_rates: bool, limits: &mut LimitsConfig) {
        let with_burst = |rate: Option<Rate>, burst| rate.map(|rate| RateLimit::new(rate, burst));
        let at_once = |rate: Rate, burst| RateLimit::new(rate, burst);
        limits.connections_per_address = self.connections_per_address;
        limits.connections_per_user = self.connections_per_user;
        limits.handshakes_per_address = with_burst(
            self.handshakes_per_address,
            self.handshakes_per_address_burst,
        );
        let failed_auth = self.failed_auth_per_address;
        limits.failed_auth_per_address = failed_auth.map(|rate| at_once(rate, rate.count()));
        if !has_rates {
            return;
        }
        limits.commands = with_burst(self.commands, self.commands_burst);
        limits.bytes = with_burst(self.bytes, self.bytes_burst as u64);
        limits.control_frames = with_burst(self.control_frames, self.control_frames_burst);
        let presence = self.presence_updates;
        limits.presence_updates = presence.map(|rate| at_once(rate, rate.of_a_second()));
    }

    /// The settings that are valid and make no sense, with the reason.
    pub(super) fn doubts(
        &self,
        topics_per_client: usize,
        max_message_bytes: usize,
    ) -> Vec<(&'static str, String)> {
        let mut doubts = Vec::new();
        let at_once = match topics_per_client as u64 {
            0 => MOST_COMMANDS_AT_ONCE,
            topics => topics.min(MOST_COMMANDS_AT_ONCE),
        };
        if self.commands.is_some() && self.commands_burst < at_once {
            doubts.push((
                "limits.commands_burst",
                format!(
                    "{} is less than the {at_once} commands with which a client subscribes again; it will be closed for that (4002)",
                    self.commands_burst
                ),
            ));
        }
        if self.bytes.is_some() && self.bytes_burst < max_message_bytes {
            doubts.push((
                "limits.bytes_burst",
                format!(
                    "{} bytes are less than a message of connections.max_message_size ({max_message_bytes} bytes), which will always be refused",
                    self.bytes_burst
                ),
            ));
        }
        doubts
    }
}
