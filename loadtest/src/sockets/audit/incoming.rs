//! Frames received: every message is recorded in its book, or counted as what it is.

use super::auditor::{Auditor, Status};
use crate::books::book::Arrival;
use crate::books::evidence::EvidenceKind;
use crate::plan::cohort::Role;
use crate::sockets::close_cause::CloseCause;
use crate::wire::client_frame;
use crate::wire::server_frame::ServerFrame;
use crate::wire::server_message::{ServerMessage, messages};
use crate::wire::stamp::Stamp;
use std::sync::atomic::Ordering::SeqCst;

impl Auditor {
    /// Audits a frame that was read at `now_ns`.
    ///
    /// # Errors
    /// The connection is to end with this cause.
    pub(crate) fn on_frame(
        &mut self,
        local: usize,
        frame: &ServerFrame<'_>,
        now_ns: u64,
    ) -> Result<(), CloseCause> {
        match *frame {
            // The books are closed: what arrives now has been counted as missing.
            ServerFrame::Text(_) | ServerFrame::Binary(_) if self.closing => {}
            ServerFrame::Text(bytes) | ServerFrame::Binary(bytes)
                if self.state.dialect.is_some() =>
            {
                return self.on_dialect_frame(local, bytes, now_ns);
            }
            ServerFrame::Text(text) => {
                let mut refused = None;
                let leaving = matches!(self.sockets[local].status, Status::Leaving(_));
                messages(text, |message| match message {
                    ServerMessage::Error(code) if self.is_opening(local) => {
                        refused = Some(format!("{:.200}", String::from_utf8_lossy(code)));
                    }
                    message => self.on_message(local, message, now_ns),
                });
                if let Some(code) = refused {
                    return Err(CloseCause::Refused(code));
                }
                if leaving && self.sockets[local].status == Status::Leaving(0) {
                    return Err(CloseCause::Left);
                }
            }
            ServerFrame::Ping(payload) => {
                self.on_ping(local, payload, now_ns);
            }
            ServerFrame::Pong => {}
            ServerFrame::Binary(_) => self.on_malformed(local),
            ServerFrame::Close(code, reason) => {
                return Err(CloseCause::Code(
                    code,
                    String::from_utf8_lossy(reason).into_owned(),
                ));
            }
        }
        Ok(())
    }

    fn on_ping(&mut self, local: usize, payload: &[u8], now_ns: u64) {
        self.tally.pings += 1;
        let plan = &self.state.plan;
        match plan.role(self.conn(local)) {
            Role::NoPong if self.state.faults_started() => {}
            Role::PongLate if self.state.faults_started() => {
                let due_ns = now_ns + plan.cohorts.pong_delay().as_nanos() as u64;
                self.late_pongs.push_back((due_ns, local, payload.to_vec()));
            }
            _ => {
                self.write(local, client_frame::PONG, payload);
            }
        }
    }

    pub(super) fn is_opening(&self, local: usize) -> bool {
        matches!(self.sockets[local].status, Status::Opening(_))
    }

    pub(super) fn on_message(&mut self, local: usize, message: ServerMessage<'_>, now_ns: u64) {
        match message {
            ServerMessage::Event(name, Some(stamp)) if !self.state.plan.rooms => {
                self.on_event(local, name, &stamp, now_ns);
            }
            ServerMessage::RoomMessage(name, Some(stamp)) if self.state.plan.rooms => {
                self.on_event(local, name, &stamp, now_ns);
            }
            ServerMessage::Event(name, Some(stamp))
            | ServerMessage::RoomMessage(name, Some(stamp)) => {
                self.on_foreign(local, name, &stamp);
            }
            ServerMessage::UserJoined => self.tally.announced += 1,
            // Every connection receives `$all` and `$system`.
            ServerMessage::Event([b'$', ..], None) => self.tally.notices += 1,
            ServerMessage::Event(_, None)
            | ServerMessage::RoomMessage(_, None)
            | ServerMessage::Malformed => {
                self.on_malformed(local);
            }
            ServerMessage::Unsubscribed => {
                if let Status::Leaving(missing) = &mut self.sockets[local].status {
                    *missing = missing.saturating_sub(1);
                }
            }
            ServerMessage::Subscribed(channel, position) => {
                self.on_position(local, channel, position);
                if let Status::Opening(missing) = &mut self.sockets[local].status {
                    *missing = missing.saturating_sub(1);
                    if *missing == 0 {
                        self.sockets[local].status = Status::Ready;
                        let conn = self.conn(local);
                        let returns = self.sockets[local].known;
                        let channels = self.state.plan.channels_of(conn);
                        self.state.ledger.add_subscribers(channels, returns);
                    }
                }
            }
            ServerMessage::Gap(channel, missed, last) => self.on_gap(local, channel, missed, last),
            ServerMessage::Error(code) => {
                self.tally.errors += 1;
                let conn = self.conn(local);
                self.tally.evidence.note(EvidenceKind::Error, || {
                    format!("conn {conn}: error {:.200}", String::from_utf8_lossy(code))
                });
            }
            ServerMessage::Other => {}
        }
    }

    pub(super) fn on_malformed(&mut self, local: usize) {
        self.tally.malformed += 1;
        let conn = self.conn(local);
        self.tally.evidence.note(EvidenceKind::Malformed, || {
            format!("conn {conn}: a message that is not part of the protocol, or lacks a stamp")
        });
    }

    fn on_event(&mut self, local: usize, channel: &[u8], stamp: &Stamp, now_ns: u64) {
        let conn = self.conn(local);
        let Some((stream, book)) = self.stream_and_book(local, channel, stamp) else {
            return self.on_foreign(local, channel, stamp);
        };
        if stamp.offset > 0 && !self.held_positions.is_empty() {
            self.on_offset(local, stamp.channel as u32, stamp.offset);
        }
        let faulty = self.role(local).must_be_closed();
        let is_duplicate = self.declared.is_unsettled() && self.settle(book, stream, stamp.seq);
        let (tally, ledger) = (&mut self.tally, &self.state.ledger);
        let arrival = if is_duplicate {
            Arrival::Duplicate
        } else {
            self.books[book].record(stamp.seq, |seq| {
                if ledger.is_expected(stream, seq) {
                    tally.lose(|| {
                        format!(
                            "conn {conn}: lost seq {seq} of {} (publisher {}) while connected",
                            String::from_utf8_lossy(channel),
                            stamp.publisher
                        )
                    });
                }
            })
        };
        let (count, how) = match arrival {
            Arrival::Forward => (&mut tally.received, None),
            Arrival::Late => {
                tally.reorders += 1;
                (&mut tally.received, Some((EvidenceKind::Reorder, "late")))
            }
            Arrival::Duplicate => (
                &mut tally.duplicates,
                Some((EvidenceKind::Duplicate, "again")),
            ),
        };
        *count += 1;
        if let Some((kind, how)) = how {
            tally.evidence.note(kind, || {
                format!(
                    "conn {conn}: seq {} of {} (publisher {}) arrived {how}",
                    stamp.seq,
                    String::from_utf8_lossy(channel),
                    stamp.publisher
                )
            });
        }
        let delivery_ns = now_ns.saturating_sub(stamp.intended_ns);
        // If a misbehaving socket reads late, that is its own fault.
        let counts = arrival != Arrival::Duplicate && !faulty;
        if arrival != Arrival::Duplicate
            && let Some(stage) = self.state.stage_at(stamp.intended_ns)
        {
            tally.stages.count(stage, counts.then_some(delivery_ns));
        }
        if counts {
            tally.delivery.record_ns(delivery_ns);
            self.connection_latencies[local].record_ns(delivery_ns);
            if !self.state.plan.cohorts.shares.is_empty() {
                if stamp.intended_ns < self.state.faults_at_ns.load(SeqCst) {
                    tally.before.record_ns(delivery_ns);
                } else {
                    tally.after.record_ns(delivery_ns);
                }
            }
            tally
                .transit
                .record_ns(now_ns.saturating_sub(stamp.sent_ns));
        }
    }

    fn on_foreign(&mut self, local: usize, name: &[u8], stamp: &Stamp) {
        self.tally.foreign += 1;
        let conn = self.conn(local);
        self.tally.evidence.note(EvidenceKind::Foreign, || {
            format!(
                "conn {conn}: foreign message: {} with {stamp:?}",
                String::from_utf8_lossy(name)
            )
        });
    }

    /// The stream and the book of an event. `None` if this socket must not receive it, or no publisher has sent it.
    fn stream_and_book(
        &self,
        local: usize,
        channel: &[u8],
        stamp: &Stamp,
    ) -> Option<(usize, usize)> {
        let plan = &self.state.plan;
        let index = plan.channel_index(channel)?;
        let nth = plan.subscription_index(self.conn(local), index)?;
        let publisher = u32::try_from(stamp.publisher).ok()?;
        let stream = plan.stream(index, publisher)?;
        let own = stamp.run == u64::from(plan.run)
            && stamp.channel == u64::from(index)
            && (1..=self.state.ledger.sent(stream)).contains(&stamp.seq)
            && !plan.is_author(self.conn(local), stream);
        let publishers = plan.publishers_per_channel() as usize;
        let subscription = local * plan.subs_per_conn as usize + nth as usize;
        own.then(|| {
            (
                stream,
                subscription * publishers + stream - index as usize * publishers,
            )
        })
    }
}
