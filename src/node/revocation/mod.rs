//! Revocation: tokens that are refused before they expire, and the connections that they made.

mod file;
mod journal;
mod list;
mod saved;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::join_all;
use tokio::task::spawn_blocking;
use tokio_util::task::TaskTracker;

use self::file::RevocationFile;
pub use self::file::RevocationFileError;
pub(in crate::node) use self::journal::Journal;
use self::journal::{NotSaved, Place};
pub use self::list::{Revocation, Revocations, Revoked};
use self::list::{TokenFacts, TooManyRevocations};
pub use self::saved::InvalidRevocations;
use super::{Node, Turn};
use crate::hub::{Client, Phase};
use crate::protocol::{CloseCode, EndReason, ErrorCode, Identity, Refusal, UserId};

/// Clients that are looked at at once.
const PAGE: usize = 256;

/// Why tokens were not revoked, or not for good.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokeError {
    /// None was revoked.
    #[error(transparent)]
    TooMany(#[from] TooManyRevocations),
    /// They are revoked, and their connections closed, but a restart will not know it.
    #[error(transparent)]
    NotSaved(#[from] NotSaved),
}

impl Node {
    /// Goes on with the revocations of a file, and keeps new ones there. Returns how many are in force.
    /// To be called before anybody connects.
    pub(crate) async fn keep_revocations(
        &self,
        path: &Path,
        tasks: &TaskTracker,
    ) -> Result<usize, RevocationFileError> {
        let file = RevocationFile::new(path);
        let loading = spawn_blocking(move || Ok((file.load(SystemTime::now())?, file)));
        let (saved, file) = loading.await.unwrap_or_else(|error| {
            let error = std::io::Error::other(error);
            Err(RevocationFileError::from(error))
        })?;
        let count = saved.by_number.len();
        self.revocations.restore(saved.next, saved.by_number);
        let _ = self.revocation_journal.set(Journal::start(file, tasks));
        Ok(count)
    }

    /// Revokes tokens until some time, and closes the connections that they made (4004), behind what
    /// waits for them. Returns the number of those.
    ///
    /// Cancel safety: if it is dropped, either nothing was done, or the tokens are revoked, and some
    /// connections may stay.
    pub async fn revoke(
        &self,
        what: &Revoked,
        until: SystemTime,
    ) -> Result<(Revocation, usize), RevokeError> {
        let place = self.journal_place().await;
        let revocation = self.revocations.add(what, until, SystemTime::now())?;
        let written = place.map(|place| place.map(|place| place.send(saved::made(&revocation))));
        let closed = self.close_revoked_by(&revocation).await;
        if let Some(written) = written {
            written?.wait().await?;
        }
        Ok((revocation, closed))
    }

    /// Takes a revocation back. False if there is none with this id.
    ///
    /// Cancel safety: it is taken back or not.
    pub async fn take_back(&self, id: &str) -> Result<bool, NotSaved> {
        let place = self.journal_place().await;
        let is_removed = self.revocations.remove(id);
        if is_removed && let Some(place) = place {
            place?.send(saved::taken_back(id)).wait().await?;
        }
        Ok(is_removed)
    }

    /// A place in the file, if there is one.
    async fn journal_place(&self) -> Option<Result<Place<'_>, NotSaved>> {
        Some(self.revocation_journal.get()?.place().await)
    }

    async fn close_revoked_by(&self, revocation: &Revocation) -> usize {
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
                return closed;
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
