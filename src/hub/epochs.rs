//! Epochs: the identities of streams.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use crate::protocol::TopicKind;

/// Characters of an epoch, 6 bits each.
const CHARS: u32 = 12;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Makes the epochs of this process's topics. They differ between topics, between processes, and
/// between the times before and after a topic was forgotten.
#[derive(Debug, Default)]
pub(super) struct Epochs {
    /// Random keys, which no other process has.
    high: RandomState,
    low: RandomState,
}

impl Epochs {
    /// The epoch of a topic: twelve characters of base64url. `forgotten` has to change when the
    /// topic's position may have been forgotten.
    pub(super) fn epoch(&self, kind: TopicKind, name: &str, forgotten: u64) -> Arc<str> {
        let topic = (kind, name, forgotten);
        let high = u128::from(self.high.hash_one(topic)) << 64;
        let hash = high | u128::from(self.low.hash_one(topic));
        let chars = (0..CHARS).map(|at| {
            let index = (hash >> (6 * at)) & 63;
            char::from(ALPHABET[index as usize])
        });
        chars.collect::<String>().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_process_and_loss_has_its_own_epoch() {
        let (one, other) = (Epochs::default(), Epochs::default());
        let news = one.epoch(TopicKind::Channel, "news", 0);
        assert_eq!(news, one.epoch(TopicKind::Channel, "news", 0));
        assert_eq!(news.len(), 12);
        for different in [
            one.epoch(TopicKind::Channel, "news", 1),
            one.epoch(TopicKind::Channel, "new", 0),
            one.epoch(TopicKind::Room, "news", 0),
            other.epoch(TopicKind::Channel, "news", 0),
        ] {
            assert_ne!(news, different);
        }
    }
}
