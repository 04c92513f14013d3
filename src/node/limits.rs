//! Limits of addresses and users, and the rates of connections.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use super::Node;
use super::addresses::{AddressLimits, AddressPlace};
use crate::limits::{ConnectionMeters, ConnectionRates, Limit};
use crate::protocol::{ChannelName, ErrorCode, Refusal, TopicKind, UserId};

/// How long somebody should wait who has too many connections.
const UNTIL_OTHERS_END: Duration = Duration::from_secs(1);

/// Limits of addresses and users, and the rates of connections. Default: none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitOptions {
    /// Limits of one address.
    pub addresses: AddressLimits,
    /// Maximum number of connections of one user; 0 for no limit.
    pub connections_per_user: usize,
    /// The rates of one connection.
    pub rates: ConnectionRates,
}

impl Node {
    /// Counts a refusal.
    pub fn count_limited(&self, limit: Limit) {
        self.metrics().limited.count(limit);
    }

    /// The rates of one connection; `None` if there are none.
    pub fn connection_meters(&self) -> Option<&ConnectionMeters> {
        self.meters.as_ref()
    }

    /// Counts a request to connect, and refuses it if its address makes too many or has too many
    /// connections.
    pub fn admit_handshake(&self, remote: Option<SocketAddr>) -> Result<(), Refusal> {
        let address = remote.map(|remote| remote.ip());
        self.addresses
            .handshake(address, Instant::now())
            .map_err(|wait| self.rate_limited(Limit::HandshakesPerAddress, wait))?;
        self.enter_address(remote).map(drop)
    }

    /// Refuses to verify a token or key if too many from its address were refused lately.
    pub fn may_authenticate(&self, remote: Option<SocketAddr>) -> Result<(), Refusal> {
        let address = remote.map(|remote| remote.ip());
        self.addresses
            .may_authenticate(address, Instant::now())
            .map_err(|wait| self.rate_limited(Limit::FailedAuthPerAddress, wait))
    }

    /// Counts a token that was refused.
    ///
    /// One that has expired does not count: it was made by its issuer, and after a night, everybody
    /// in an office comes back with one.
    pub fn record_refused_token(&self, remote: Option<SocketAddr>, refusal: &Refusal) {
        if let ErrorCode::InvalidToken | ErrorCode::TokenNotYetValid | ErrorCode::TokenRevoked =
            refusal.code
        {
            self.record_failed_auth(remote);
        }
    }

    /// Counts a token or key that was refused.
    pub fn record_failed_auth(&self, remote: Option<SocketAddr>) {
        let address = remote.map(|remote| remote.ip());
        self.addresses.failed_auth(address, Instant::now());
    }

    /// Counts a connection of an address.
    pub(super) fn enter_address(
        &self,
        remote: Option<SocketAddr>,
    ) -> Result<AddressPlace, Refusal> {
        let address = remote.map(|remote| remote.ip());
        if let Some(place) = AddressPlace::take(&self.addresses, address) {
            return Ok(place);
        }
        self.count_limited(Limit::ConnectionsPerAddress);
        Err(Refusal::new(ErrorCode::TooManyFromAddress).with_retry_after(UNTIL_OTHERS_END))
    }

    /// Refuses a user that has its maximum number of connections. Several that come at once may all
    /// pass; the topic's lock decides (`subscribe_to_user`).
    pub(super) fn has_room_for_user(&self, user: Option<&UserId>) -> Result<(), Refusal> {
        let (Some(user), max @ 1..) = (user, self.options.limits.connections_per_user) else {
            return Ok(());
        };
        let channel = ChannelName::of_user(user);
        let topic = self.hub.topic(TopicKind::Channel, channel.as_str());
        if topic.is_some_and(|topic| topic.members() >= max) {
            return Err(self.too_many_of_user());
        }
        Ok(())
    }

    pub(super) fn too_many_of_user(&self) -> Refusal {
        self.count_limited(Limit::ConnectionsPerUser);
        Refusal::new(ErrorCode::TooManyOfUser).with_retry_after(UNTIL_OTHERS_END)
    }

    fn rate_limited(&self, limit: Limit, wait: Duration) -> Refusal {
        self.count_limited(limit);
        Refusal::new(ErrorCode::RateLimited).with_retry_after(wait)
    }
}

#[cfg(test)]
impl Node {
    /// A node with these limits, for tests of the floors above.
    pub(crate) fn with_limits(limits: LimitOptions) -> std::sync::Arc<Self> {
        use crate::hub::{Hub, HubOptions};
        let (options, tasks) = (HubOptions::default(), tokio_util::task::TaskTracker::new());
        let hub = Hub::new(&options, crate::dialect::Dialects::default(), &tasks);
        let options = super::NodeOptions {
            limits,
            ..super::NodeOptions::default()
        };
        std::sync::Arc::new(Self::new(hub, options))
    }
}
