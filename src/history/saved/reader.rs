//! Reads saved histories.

use std::io::{ErrorKind, Read};

use crc32fast::Hasher;

use super::{HEADER, MAX_RECORD_BYTES, NAME_BYTES, ReadError, Record};

/// Reads records from a stream, which should be buffered. It holds one record at a time.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    checksum: Hasher,
    record: Vec<u8>,
    /// Records that were read.
    records: u64,
}

impl<R: Read> Reader<R> {
    /// Reads the header.
    ///
    /// Errors: it is not that of this version.
    pub fn begin(input: R) -> Result<Self, ReadError> {
        let mut reader = Self {
            input,
            checksum: Hasher::new(),
            record: Vec::new(),
            records: 0,
        };
        let mut header = [0; HEADER.len()];
        reader.fill(&mut header)?;
        let (name, version) = header.split_at(NAME_BYTES);
        if !HEADER.starts_with(name) || version.last() != HEADER.last() {
            return Err(ReadError::NotAHistory);
        }
        if header != *HEADER {
            let version = String::from_utf8_lossy(version)
                .trim()
                .escape_debug()
                .to_string();
            return Err(ReadError::OtherVersion(version));
        }
        Ok(reader)
    }

    /// The next record.
    ///
    /// Errors: this record or one before it is damaged. What was read before it may not be used
    /// either.
    pub fn next_record(&mut self) -> Result<Record<'_>, ReadError> {
        let mut length = [0; 4];
        self.fill(&mut length)?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_RECORD_BYTES {
            return Err(self.damaged());
        }
        self.record.clear();
        // Grows with what is there, whatever a damaged length says.
        let read = (&mut self.input)
            .take(length as u64)
            .read_to_end(&mut self.record)?;
        if read < length {
            return Err(ReadError::Truncated(self.records));
        }
        self.checksum.update(&self.record);
        let expected = self.checksum.clone().finalize();
        let mut checksum = [0; 4];
        self.read_exact(&mut checksum)?;
        if u32::from_le_bytes(checksum) != expected {
            return Err(self.damaged());
        }
        let damaged = self.damaged();
        self.records += 1;
        match postcard::take_from_bytes(&self.record) {
            Ok((record, [])) => Ok(record),
            _ => Err(damaged),
        }
    }

    /// Checks that nothing follows the last record.
    pub fn expect_end(mut self) -> Result<(), ReadError> {
        match self.input.read(&mut [0])? {
            0 => Ok(()),
            _ => Err(self.damaged()),
        }
    }

    /// The error of a record whose contents make no sense.
    pub fn damaged(&self) -> ReadError {
        ReadError::Damaged(self.records)
    }

    /// Reads what the checksum covers.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        self.read_exact(bytes)?;
        self.checksum.update(bytes);
        Ok(())
    }

    fn read_exact(&mut self, bytes: &mut [u8]) -> Result<(), ReadError> {
        let read = self.input.read_exact(bytes);
        read.map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => ReadError::Truncated(self.records),
            _ => error.into(),
        })
    }
}
