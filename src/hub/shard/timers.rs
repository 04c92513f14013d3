//! What a shard does by the clock: deadlines of closing connections, and heartbeats.

use tokio::time::Instant;

use super::Shard;

impl Shard {
    /// When the next timer is due.
    pub(super) fn next_timer(&self) -> Instant {
        let first = self.deadlines.first().map(|&(at, _)| at);
        let tick = self.wheel.next_tick();
        first.map_or(tick, |at| at.min(tick))
    }

    /// Resets closing connections whose deadline has passed, and checks the heartbeat of the
    /// connections that are due.
    pub(super) fn run_timers(&mut self) {
        let now = Instant::now();
        while let Some(&(at, slot)) = self.deadlines.first() {
            if at > now {
                break;
            }
            self.reset(slot);
        }
        while let Some(bucket) = self.wheel.advance(now) {
            for slot in self.wheel.slots_in(bucket, self.connections.capacity()) {
                self.check_heartbeat(slot, now);
            }
        }
    }

    /// Pings the client, or closes it if it has not answered for too long.
    fn check_heartbeat(&mut self, slot: u32, now: Instant) {
        let Some(connection) = self.connections.get(slot as usize) else {
            return;
        };
        if !connection.is_open() || !connection.link.is_attached() {
            return;
        }
        let silence = now.saturating_duration_since(connection.client.last_pong_at());
        if silence > self.pong_timeout {
            self.close_unresponsive(slot);
        } else {
            self.push(slot, self.dialect.ping());
        }
    }
}
