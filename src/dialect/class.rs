//! Classes: how a connection takes frames.

/// How one connection takes frames. All clients of a class get the same bytes. It is fixed at the
/// handshake, and it is all that the hub knows about a client's wire protocol.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(u8);

impl ClassId {
    /// Native JSON in text frames: the class of nearly all clients.
    pub const NATIVE: Self = Self(0);
    /// Event streams.
    pub const EVENT_STREAM: Self = Self(1);

    /// The class at this index of the [table](super::Dialects).
    pub const fn new(index: u8) -> Self {
        Self(index)
    }

    /// The index in the [table](super::Dialects).
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}
