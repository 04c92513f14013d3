//! The position that a subscription resumes from.

/// The last position of a subscription in its channel.
#[derive(Clone, Debug)]
pub(super) struct HeldPosition {
    pub(super) offset: u64,
    pub(super) epoch: Box<str>,
}
