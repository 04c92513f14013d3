//! Epochs: the identities of streams.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use parking_lot::RwLock;
use uuid::Uuid;

use crate::protocol::TopicKind;

/// Characters of an epoch, 6 bits each.
const CHARS: u32 = 12;
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Makes the epochs of this process's topics. They differ between topics, between processes, and
/// between the times before and after a topic was forgotten.
///
/// Locks: none is taken while it is read.
#[derive(Debug)]
pub(super) struct Epochs {
    /// Random, so that no other process has it, unless this one goes on with its histories.
    seed: RwLock<u128>,
}

impl Default for Epochs {
    fn default() -> Self {
        let seed = RwLock::new(Uuid::new_v4().as_u128());
        Self { seed }
    }
}

impl Epochs {
    /// The epoch of a topic: twelve characters of base64url. `forgotten` has to change when the
    /// topic's position may have been forgotten.
    pub(super) fn epoch(&self, kind: TopicKind, name: &str, forgotten: u64) -> Arc<str> {
        let seed = self.seed();
        let half = |number: u8| {
            let mut hasher = DefaultHasher::new();
            (seed, number, kind, name, forgotten).hash(&mut hasher);
            u128::from(hasher.finish())
        };
        let hash = half(0) << 64 | half(1);
        let chars = (0..CHARS).map(|at| {
            let index = (hash >> (6 * at)) & 63;
            char::from(ALPHABET[index as usize])
        });
        chars.collect::<String>().into()
    }

    /// What the epochs are made from.
    pub(super) fn seed(&self) -> u128 {
        *self.seed.read()
    }

    /// Goes on with the epochs of an earlier process.
    pub(super) fn set_seed(&self, seed: u128) {
        *self.seed.write() = seed;
    }
}

/// Whether the text can be an epoch.
pub(super) fn is_epoch(text: &str) -> bool {
    text.len() == CHARS as usize && text.bytes().all(|byte| ALPHABET.contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_process_and_loss_has_its_own_epoch() {
        let (one, other) = (Epochs::default(), Epochs::default());
        let news = one.epoch(TopicKind::Channel, "news", 0);
        assert_eq!(news, one.epoch(TopicKind::Channel, "news", 0));
        assert!(is_epoch(&news) && !is_epoch("x") && !is_epoch("twelve chars"));
        for different in [
            one.epoch(TopicKind::Channel, "news", 1),
            one.epoch(TopicKind::Channel, "new", 0),
            one.epoch(TopicKind::Room, "news", 0),
            other.epoch(TopicKind::Channel, "news", 0),
        ] {
            assert_ne!(news, different);
        }
        other.set_seed(one.seed());
        assert_eq!(news, other.epoch(TopicKind::Channel, "news", 0));
    }
}
