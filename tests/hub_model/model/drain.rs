//! The end of a sequence by a drain.

use std::time::Duration;

use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep;
use wavecast::node::DrainOptions;

use super::member::Source;
use super::world::World;

const GOING_AWAY: u16 = 1001;

impl World {
    /// Drains the node. Every client is told, and closed behind what it has not read.
    pub(super) async fn drain(&mut self) {
        for who in self.attached() {
            let notice = json!({"type": "event", "channel": "$system", "event": "shutdown"});
            let member = &mut self.members[who];
            member.expect(Source::Everybody, notice);
            member.close = Some(GOING_AWAY);
        }
        let node = self.node.clone();
        let mut drain = JoinSet::new();
        drain.spawn(async move { node.drain(&DrainOptions::default()).await });
        // Until it has announced the shutdown and closed every client.
        sleep(Duration::from_secs(1)).await;
        self.expire();
        // The notice may be too much for one that does not read.
        self.evictions = self.node.metrics().slow_consumers_total.get();
        self.settle().await;
        self.check();
        drain.abort_all();
    }
}
