//! What each address does: how many connections it has, how often it asks for one, and how often its
//! tokens are refused.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use quick_cache::sync::{Cache, DefaultLifecycle, EntryAction, EntryResult};
use quick_cache::{DefaultHashBuilder, Options, OptionsBuilder, UnitWeighter};

use crate::limits::{Bucket, Empty, Meter, RateLimit};

/// Addresses that are remembered; beyond that, those that have done nothing for the longest time are
/// forgotten first. They take about 5 MB.
const MAX_ADDRESSES: u64 = 65_536;

/// Limits of one address: a whole one of IPv4, or the first 64 bits of one of IPv6, which one
/// customer usually has for themselves. Loopback addresses have none: there is a proxy behind them, or a developer.
/// Default: no limits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AddressLimits {
    /// Maximum number of connections; 0 for no limit.
    pub connections: u32,
    /// Requests to connect.
    pub handshakes: Option<RateLimit>,
    /// Tokens and keys that are refused.
    pub failed_auth: Option<RateLimit>,
}

/// An address for which limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    V4([u8; 4]),
    V6([u8; 8]),
}

impl Key {
    fn of(address: IpAddr) -> Option<Self> {
        let address = address.to_canonical();
        if address.is_loopback() {
            return None;
        }
        Some(match address {
            IpAddr::V4(v4) => Self::V4(v4.octets()),
            IpAddr::V6(v6) => {
                let [network @ .., _, _, _, _, _, _, _, _] = v6.octets();
                Self::V6(network)
            }
        })
    }
}

/// What one address does.
#[derive(Debug, Clone, Copy, Default)]
struct Address {
    connections: u32,
    handshakes: Bucket,
    failed_auth: Bucket,
}

/// What the addresses do.
pub(super) struct Addresses {
    max_connections: u32,
    handshakes: Option<Meter>,
    failed_auth: Option<Meter>,
    /// `None` without limits.
    table: Option<Table>,
}

type Table = Cache<Key, Address, UnitWeighter, DefaultHashBuilder, DefaultLifecycle<Key, Address>>;

impl fmt::Debug for Addresses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.table.as_ref().map(Cache::len);
        f.debug_struct("Addresses")
            .field("known", &known)
            .finish_non_exhaustive()
    }
}

impl Addresses {
    pub(super) fn new(limits: &AddressLimits, now: Instant) -> Self {
        Self::with_capacity(limits, now, MAX_ADDRESSES)
    }

    fn with_capacity(limits: &AddressLimits, now: Instant, capacity: u64) -> Self {
        let meter = |limit: Option<RateLimit>| limit.map(|limit| Meter::new(limit, now));
        let table = |options: Options| {
            let (hash, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
            Cache::with_options(options, UnitWeighter, hash, lifecycle)
        };
        // Without a part for those that come often: they would outlive newer ones. Its memory grows
        // with the addresses that come.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(0)
            .weight_capacity(capacity)
            .hot_allocation(0.0)
            .ghost_allocation(0.0)
            .build();
        let is_limited = *limits != AddressLimits::default();
        Self {
            max_connections: limits.connections,
            handshakes: meter(limits.handshakes),
            failed_auth: meter(limits.failed_auth),
            table: options.ok().filter(|_| is_limited).map(table),
        }
    }

    /// Calls `f` with the address, unless no limit holds for it.
    fn with<T>(&self, address: Option<IpAddr>, mut f: impl FnMut(&mut Address) -> T) -> Option<T> {
        let table = self.table.as_ref()?;
        let key = Key::of(address?)?;
        match table.entry(&key, None, |_, known| EntryAction::Retain(f(known))) {
            EntryResult::Retained(result) => Some(result),
            EntryResult::Vacant(guard) => {
                let mut new = Address::default();
                let result = f(&mut new);
                // If it has been forgotten meanwhile, it has been idle.
                let _ = guard.insert(new);
                Some(result)
            }
            // Neither asked for.
            EntryResult::Removed(..) | EntryResult::Replaced(..) | EntryResult::Timeout => None,
        }
    }

    /// Counts a connection, which [`leave`](Self::leave) ends. False if there are too many.
    #[must_use]
    pub(super) fn enter(&self, address: Option<IpAddr>) -> bool {
        if self.max_connections == 0 {
            return true;
        }
        let entered = self.with(address, |known| {
            let has_room = known.connections < self.max_connections;
            known.connections += u32::from(has_room);
            has_room
        });
        entered.unwrap_or(true)
    }

    /// Ends a connection.
    pub(super) fn leave(&self, address: Option<IpAddr>) {
        if self.max_connections > 0 {
            self.with(address, |known| {
                // Those of an address that was forgotten are not known.
                known.connections = known.connections.saturating_sub(1);
            });
        }
    }

    /// Counts a request to connect.
    ///
    /// Errors: there were too many; the time after which to try again.
    pub(super) fn handshake(&self, address: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let Some(meter) = &self.handshakes else {
            return Ok(());
        };
        self.with(address, |known| {
            wait(meter.take(&mut known.handshakes, 1, now))
        })
        .unwrap_or(Ok(()))
    }

    /// Whether a token or key may be verified.
    ///
    /// Errors: too many were refused; the time after which to try again.
    pub(super) fn may_authenticate(
        &self,
        address: Option<IpAddr>,
        now: Instant,
    ) -> Result<(), Duration> {
        let Some(meter) = &self.failed_auth else {
            return Ok(());
        };
        // Most have never failed, and are not even remembered.
        let known = || self.table.as_ref()?.get(&Key::of(address?)?);
        let mut as_if = known().unwrap_or_default().failed_auth;
        wait(meter.take(&mut as_if, 1, now))
    }

    /// A token or key was refused.
    pub(super) fn failed_auth(&self, address: Option<IpAddr>, now: Instant) {
        if let Some(meter) = &self.failed_auth {
            self.with(address, |known| {
                // Those that were verified side by side may be more than there is room for.
                let _ = meter.take(&mut known.failed_auth, 1, now);
            });
        }
    }
}

/// One of the connections of an address, until it is dropped.
#[derive(Debug)]
pub(super) struct AddressPlace {
    addresses: Arc<Addresses>,
    address: Option<IpAddr>,
}

impl AddressPlace {
    /// `None` if there are too many.
    pub(super) fn take(addresses: &Arc<Addresses>, address: Option<IpAddr>) -> Option<Self> {
        addresses.enter(address).then(|| Self {
            addresses: addresses.clone(),
            address,
        })
    }

    /// From now on, the connection is counted until its client is released.
    pub(super) fn pass_on(mut self) {
        self.address = None;
    }
}

impl Drop for AddressPlace {
    fn drop(&mut self) {
        self.addresses.leave(self.address);
    }
}

fn wait(taken: Result<(), Empty>) -> Result<(), Duration> {
    taken.map_err(|empty| match empty {
        Empty::For(time) => time,
        // A bucket holds at least one.
        Empty::Always => Duration::from_secs(1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Rate;

    fn addresses(capacity: u64) -> (Addresses, Instant) {
        let now = Instant::now();
        let limits = AddressLimits {
            connections: 2,
            handshakes: Some(RateLimit::new(Rate::per_second(10), 3)),
            failed_auth: Some(RateLimit::new(Rate::per_minute(20), 20)),
        };
        (Addresses::with_capacity(&limits, now, capacity), now)
    }

    fn ip(text: &str) -> Option<IpAddr> {
        text.parse().ok()
    }

    #[test]
    fn connections_of_an_address_are_counted_until_they_end() {
        let (addresses, _) = addresses(100);
        let enter = |address| addresses.enter(ip(address));
        assert!(enter("192.0.2.1") && enter("::ffff:192.0.2.1"));
        assert!(!enter("192.0.2.1"), "mapped ones are the same");
        assert!(enter("192.0.2.2"));
        assert!(enter("2001:db8::1") && enter("2001:db8::2:0:0:3"));
        assert!(!enter("2001:db8:0:0:ffff::"), "one network");
        assert!(enter("2001:db8:0:1::1"), "another network");
        addresses.leave(ip("192.0.2.1"));
        assert!(enter("192.0.2.1") && !enter("192.0.2.1"));
    }

    #[test]
    fn loopback_and_unknown_addresses_have_no_limit() {
        let (addresses, now) = addresses(100);
        for address in [
            ip("127.0.0.1"),
            ip("127.9.9.9"),
            ip("::1"),
            ip("::ffff:127.0.0.1"),
            None,
        ] {
            for _ in 0..100 {
                assert!(addresses.enter(address));
                assert_eq!(addresses.handshake(address, now), Ok(()));
                addresses.failed_auth(address, now);
                assert_eq!(addresses.may_authenticate(address, now), Ok(()));
            }
        }
        assert_eq!(addresses.table.unwrap().len(), 0);
    }

    #[test]
    fn each_rate_of_an_address_is_its_own() {
        let (addresses, now) = addresses(100);
        let (one, other) = (ip("192.0.2.1"), ip("192.0.2.2"));
        for _ in 0..3 {
            assert_eq!(addresses.handshake(one, now), Ok(()));
        }
        let wait = Duration::from_millis(100);
        assert_eq!(addresses.handshake(one, now), Err(wait));
        assert_eq!(addresses.handshake(other, now), Ok(()));
        for _ in 0..20 {
            assert_eq!(addresses.may_authenticate(one, now), Ok(()));
            addresses.failed_auth(one, now);
        }
        let wait = Duration::from_secs(3);
        assert_eq!(addresses.may_authenticate(one, now), Err(wait));
        assert_eq!(addresses.may_authenticate(other, now), Ok(()));
        assert_eq!(addresses.may_authenticate(one, now + wait), Ok(()));
    }

    #[test]
    fn no_more_addresses_are_remembered_than_there_is_room_for_and_the_newest_stay() {
        let (addresses, now) = addresses(1000);
        let nth = |n: u32| Some(IpAddr::from(n.to_be_bytes()));
        for n in 0..50_000 {
            assert_eq!(addresses.handshake(nth(1 << 24 | n), now), Ok(()));
        }
        let known = addresses.table.as_ref().unwrap().len();
        assert!((500..=1000).contains(&known), "{known}");
        // One that knocks all the time stays known while others come and go.
        let (busy, mut let_through) = (ip("192.0.2.1"), 0);
        for n in 0..50_000 {
            let_through += u32::from(addresses.handshake(busy, now).is_ok());
            assert_eq!(addresses.handshake(nth(2 << 24 | n), now), Ok(()));
        }
        assert_eq!(let_through, 3);
    }

    #[test]
    fn without_limits_there_is_no_table() {
        let addresses = Addresses::new(&AddressLimits::default(), Instant::now());
        assert!(addresses.table.is_none() && addresses.enter(ip("192.0.2.1")));
    }
}
