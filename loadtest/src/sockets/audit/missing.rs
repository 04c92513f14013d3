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
        let plan = &self.state.plan;
        let publishers = plan.publishers_per_channel() as usize;
        let books = &self.books[subscription * publishers..][..publishers];
        let notice = self.declared.gaps.entry(subscription).or_default();
        notice.left = notice.left.saturating_add(missed);
        notice.is_vague |= books.iter().any(Book::is_fresh);
        notice.waiting = (0..publishers)
            .filter(|i| !plan.is_author(conn, channel as usize * publishers + i))
            .collect();
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
                    self.tally.lose(|| {
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

    /// To be called before `seq` is recorded: counts what is missing since a refused position or at a gap. Returns whether
    /// `seq` is a duplicate from before a refused position.
    pub(super) fn settle(&mut self, index: usize, stream: usize, seq: u64) -> bool {
        if let Some(&before) = self.declared.refused.get(&index) {
            if seq <= before {
                return true;
            }
            // All numbers after the highest one sent at the time of the refusal are expected.
            let end = seq.min(self.books[index].highest() + 1);
            self.settle_until(index, stream, end);
        }
        self.settle_gap(index, stream, seq);
        false
    }

    /// Event `seq` is the first of its publisher after a gap notice: what is missing right before it counts as declared, as
    /// far as the notice goes.
    fn settle_gap(&mut self, index: usize, stream: usize, seq: u64) {
        let publishers = self.state.plan.publishers_per_channel() as usize;
        let (subscription, publisher) = (index / publishers, index % publishers);
        let conn = self.conn(subscription / self.state.plan.subs_per_conn as usize);
        let (book, tally) = (&mut self.books[index], &mut self.tally);
        let Some(notice) = self.declared.gaps.get_mut(&subscription) else {
            return;
        };
        // A late event or a duplicate says nothing about the place of the notice.
        if seq <= book.highest() && !book.is_fresh() {
            return;
        }
        let Some(place) = notice.waiting.iter().position(|own| *own == publisher) else {
            return;
        };
        notice.waiting.swap_remove(place);
        let ledger = &self.state.ledger;
        for skipped in book.highest() + 1..seq {
            if notice.left > 0 && ledger.is_expected(stream, skipped) {
                notice.left -= 1;
                tally.declared += 1;
                // From now on this number is not missing. Older ones still are.
                book.record(skipped, |seq| {
                    if ledger.is_expected(stream, seq) {
                        tally.lose(|| format!("conn {conn}: lost seq {seq} of stream {stream}"));
                    }
                });
            }
        }
        if notice.waiting.is_empty() {
            self.end_gap(subscription);
        }
    }

    /// All that a gap notice could account for is settled. What it declared beyond that was not missing.
    pub(super) fn end_gap(&mut self, subscription: usize) {
        let Some(notice) = self.declared.gaps.remove(&subscription) else {
            return;
        };
        if notice.left == 0 || notice.is_vague || !self.state.ledger.is_certain() {
            return;
        }
        self.tally.gap_excess += notice.left;
        let conn = self.conn(subscription / self.state.plan.subs_per_conn as usize);
        self.tally.evidence.note(EvidenceKind::Declared, || {
            let left = notice.left;
            format!("conn {conn}: a gap notice declared {left} publications missing that were not")
        });
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
        let Some(notice) = self.declared.gaps.get(&subscription) else {
            return false;
        };
        let publishers = self.state.plan.publishers_per_channel() as usize;
        let missing: u64 = (0..publishers)
            .map(|i| {
                let last = self.state.ledger.last(channel as usize * publishers + i);
                self.books[subscription * publishers + i].missing(last)
            })
            .sum();
        missing <= notice.left
    }
}
