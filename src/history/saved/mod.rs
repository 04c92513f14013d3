//! Histories as a sequence of bytes, which outlives the process.
//!
//! It begins with its format version, followed by records, the last of which marks the end. Each
//! record has a checksum over everything up to it, so a record that is missing, damaged, repeated
//! or out of place is found before it is used.
//!
//! No files, no clock: reads and writes any stream of bytes.

mod error;
mod reader;
mod record;
mod writer;

pub use error::ReadError;
pub use reader::Reader;
pub use record::{
    Record, SavedEnd, SavedEpochs, SavedKey, SavedOwner, SavedPublication, SavedTopic,
};
pub use writer::Writer;

/// What every sequence begins with: the last two bytes before the line's end are the version.
const HEADER: &[u8; 20] = b"wavecast history 01\n";
/// The bytes of the header before the version.
const NAME_BYTES: usize = "wavecast history ".len();
/// The longest record, in bytes. It only bounds what a damaged length makes a reader hold.
const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;

#[cfg(test)]
mod tests;
