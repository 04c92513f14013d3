//! Missing publications: declared by the server, or lost silently.

use super::auditor::Auditor;
use crate::books::book::Book;
use crate::books::evidence::EvidenceKind;

impl Auditor {
    /// The server sent a gap notice: it has skipped publications.
    pub(super) fn on_gap(&mut self, local: usize, name: &[u8], missed: u64, last: Option<u64>) {
        let conn = self.conn(local);
        let channel = self.state.plan.channel_index(name);
        // The server's own channels are not audited.
        let Some((channel, subscription)) =
            channel.and_then(|channel| Some((channel, self.subscription(local, channel)?)))
        else {
            return;
        };
        if missed == 0 {
            return;
        }
        let left = self.declared.gaps.entry(subscription).or_default();
        *left = left.saturating_add(missed);
        self.tally.evidence.note(EvidenceKind::Declared, || {
            let name = String::from_utf8_lossy(name);
            format!("conn {conn}: the server skipped {missed} of {name}")
        });
        if let Some(last) = last {
            self.on_offset(local, channel, last);
        }
    }

    /// The server could not resume from the position of a subscription, so its books begin anew. What is missing between the
    /// last number before and the first one after counts as declared. The latter is not known yet.
    pub(super) fn refuse(&mut self, local: usize, channel: u32, subscription: usize) {
        let conn = self.conn(local);
        let publishers = self.state.plan.publishers_per_channel() as usize;
        for i in 0..publishers {
            let (stream, index) = (
                channel as usize * publishers + i,
                subscription * publishers + i,
            );
            let ledger = &self.state.ledger;
            let book = self.books[index];
            book.close(book.highest(), |seq| {
                if ledger.is_expected(stream, seq) {
                    self.declared.count_missing(&mut self.tally, subscription, || {
                        format!("conn {conn}: seq {seq} of channel {channel} did not arrive before it was dropped")
                    });
                }
            });
            self.declared.refused.entry(index).or_insert(book.highest());
            self.books[index] = Book::opened_at(ledger.sent(stream));
        }
        // What gap notices skipped at the end is part of that, too.
        self.declared.gaps.remove(&subscription);
    }

    /// To be called before `seq` is recorded: counts what is missing since a refused position. Returns whether `seq` is a
    /// duplicate from before it.
    pub(super) fn settle(&mut self, index: usize, stream: usize, seq: u64) -> bool {
        let Some(&before) = self.declared.refused.get(&index) else {
            return false;
        };
        if seq <= before {
            return true;
        }
        // All numbers after the highest one sent at the time of the refusal are expected.
        let end = seq.min(self.books[index].highest() + 1);
        self.settle_until(index, stream, end);
        false
    }

    /// The same when a book is closed and no number has arrived since.
    pub(super) fn settle_at_end(&mut self, index: usize, stream: usize) {
        let end = self
            .state
            .ledger
            .last(stream)
            .min(self.books[index].highest());
        self.settle_until(index, stream, end + 1);
    }

    fn settle_until(&mut self, index: usize, stream: usize, end: u64) {
        if let Some(before) = self.declared.refused.remove(&index) {
            let ledger = &self.state.ledger;
            let missing = (before + 1..end).filter(|seq| ledger.is_expected(stream, *seq));
            self.tally.declared += missing.count() as u64;
        }
    }

    /// Discards the declarations of a subscription that begins anew.
    pub(super) fn forget_declared(&mut self, subscription: usize) {
        let publishers = self.state.plan.publishers_per_channel() as usize;
        self.declared.gaps.remove(&subscription);
        for i in 0..publishers {
            self.declared
                .refused
                .remove(&(subscription * publishers + i));
        }
    }

    /// Whether gap notices account for everything that a subscription still misses.
    pub(super) fn is_declared(&self, subscription: usize, channel: u32) -> bool {
        let Some(&left) = self.declared.gaps.get(&subscription) else {
            return false;
        };
        let publishers = self.state.plan.publishers_per_channel() as usize;
        let missing: u64 = (0..publishers)
            .map(|i| {
                let last = self.state.ledger.last(channel as usize * publishers + i);
                self.books[subscription * publishers + i].missing(last)
            })
            .sum();
        missing <= left
    }
}
