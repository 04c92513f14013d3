//! A place in one mailbox.

use tokio::sync::SemaphorePermit;

/// A reserved place in one mailbox.
#[derive(Debug)]
pub(super) struct Permit<'a> {
    pub(super) entry: SemaphorePermit<'a>,
    pub(super) deliveries: SemaphorePermit<'a>,
}

/// What an entry takes up in the ordered lane until it has been carried out.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Charge {
    pub(super) entries: usize,
    pub(super) deliveries: usize,
}

impl std::ops::AddAssign for Charge {
    fn add_assign(&mut self, other: Self) {
        self.entries += other.entries;
        self.deliveries += other.deliveries;
    }
}
