//! Values with units.

use bytesize::ByteSize;

/// A size as a number of bytes that fits the machine.
pub(crate) fn bytes(size: ByteSize) -> usize {
    usize::try_from(size.as_u64()).unwrap_or(usize::MAX)
}
