//! Revocation: tokens that are refused before they expire, and the connections that they made.

mod list;

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::join_all;

pub use self::list::{Revocation, Revocations, Revoked};
use self::list::{TokenFacts, TooManyRevocations};
use super::{Node, Turn};
use crate::hub::{Client, Phase};
use crate::protocol::{CloseCode, EndReason, ErrorCode, Identity, Refusal, UserId};

/// Clients that are looked at at once.
const PAGE: usize = 256;

impl Node {
    /// Revokes tokens until some time, and closes the connections that they made (4004), behind what
    /// waits for them. Returns the number of those.
    ///
    /// Cancel safety: if it is dropped, the tokens are revoked, and some connections may stay.
    pub async fn revoke(
        &self,
        what: &Revoked,
        until: SystemTime,
    ) -> Result<(Revocation, usize), TooManyRevocations> {
        let revocation = self.revocations.add(what, until, SystemTime::now())?;
        self.end_grants(&revocation.what).await;
        // Whoever connects from now on sees the revocation, at the latest when it is known to the hub.
        let (mut after, mut closed, mut turn) = (None, 0, Turn::begin());
        loop {
            let page = self.clients(after, PAGE);
            after = page.items.last().map(|client| client.id());
            let revoked = page.items.iter().filter(|client| {
                let identity = client.identity();
                client.phase() == Phase::Open
                    && identity.is_some_and(|identity| revocation.what.covers(facts(&identity)))
            });
            let all = join_all(revoked.map(|client| self.close_revoked(client)));
            closed += all.await.len();
            if !page.more {
                return Ok((revocation, closed));
            }
            turn.yield_if_due().await;
        }
    }

    /// Ends the subscriptions that revoked tokens for one channel granted.
    async fn end_grants(&self, what: &Revoked) {
        let is_revoked = |identity: &Identity| what.covers(facts(identity));
        for (id, channel) in self.channel_identities.remove_where(is_revoked) {
            self.end_granted(id, &channel, EndReason::Forbidden).await;
        }
    }

    /// The revocations in force.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Refuses the identity of a revoked token.
    pub(super) fn refuse_revoked(&self, identity: Option<&Identity>) -> Result<(), Refusal> {
        let now = SystemTime::now();
        match identity {
            Some(identity) if self.revocations.revokes(facts(identity), now) => {
                Err(ErrorCode::TokenRevoked.into())
            }
            _ => Ok(()),
        }
    }

    /// Closes a client whose token was revoked.
    pub(super) async fn close_revoked(&self, client: &Arc<Client>) {
        // An error means that the hub has shut down.
        let _ = self.close(client, CloseCode::TokenRevoked, None).await;
    }
}

fn facts(identity: &Identity) -> TokenFacts<'_> {
    TokenFacts {
        token_id: identity.token_id(),
        user: identity.user().map(UserId::as_str),
        issued: identity.issued(),
    }
}
