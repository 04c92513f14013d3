//! What a shard does by the clock: deadlines of closing connections, and heartbeats.

use tokio::time::Instant;

use super::Shard;
use super::outbox_total::FrameCharge;
use crate::wire::Frame;

impl Shard {
    /// When the next timer is due.
    pub(super) fn next_timer(&self) -> Instant {
        let first = self.deadlines.first().map(|(at, _)| at);
        let tick = self.wheel.next_tick();
        first.map_or(tick, |at| at.min(tick))
    }

    /// Resets closing connections whose deadline has passed, and checks the heartbeat of the
    /// connections that are due.
    pub(super) async fn run_timers(&mut self) {
        let now = Instant::now();
        self.clock.step(now);
        while let Some((at, slot)) = self.deadlines.first() {
            if at > now {
                break;
            }
            self.reset(slot);
            // Thousands of clients that were evicted together are reset together.
            self.turn.writes += 1;
            self.yield_if_due().await;
        }
        while let Some(bucket) = self.wheel.advance(now) {
            for slot in self.wheel.slots_in(bucket, self.connections.capacity()) {
                self.check_heartbeat(slot);
            }
        }
    }

    /// Pings the client, or closes it if it has left a ping unanswered for too long, or accepted
    /// no bytes for too long.
    fn check_heartbeat(&mut self, slot: u32) {
        let now = self.clock.now();
        // A ping falls due once per interval, and the clock is as coarse as a tick.
        let slack = self.wheel.tick();
        let Some(connection) = self.connections.get_mut(slot as usize) else {
            return;
        };
        if !connection.is_open() || !connection.link.is_attached() {
            return;
        }
        if connection.client.take_answer() {
            connection.unanswered_since = None;
        }
        let unanswered = connection.unanswered_since;
        let blocked = connection.blocked_at.filter(|_| connection.blocked);
        if unanswered.is_some_and(|since| now.since(since) + slack >= self.pong_timeout) {
            self.close_unresponsive(slot);
        } else if blocked.is_some_and(|since| now.since(since) >= self.write_timeout) {
            self.metrics.write_timeouts_total.add(1);
            self.reset(slot);
        } else {
            let ping = self.dialects.of(connection.client.class()).ping();
            let (total, before) = (&self.own_total, self.own_total.used());
            let charge = |ping: &Frame| FrameCharge::unshared(ping, total);
            if connection.outbox.push_ping(ping, charge) {
                self.mark_dirty(slot);
                self.charge_last(slot, before);
            }
        }
    }
}
