//! Writes saved histories.

use std::io::{self, Write};

use crc32fast::Hasher;

use super::{HEADER, MAX_RECORD_BYTES, Record};

/// Writes records to a stream, which should be buffered.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    checksum: Hasher,
    bytes: u64,
}

impl<W: Write> Writer<W> {
    /// Begins with the header.
    pub fn begin(out: W) -> io::Result<Self> {
        let mut writer = Self {
            out,
            checksum: Hasher::new(),
            bytes: 0,
        };
        writer.append(HEADER)?;
        Ok(writer)
    }

    /// Writes a record. One of more than 64 MiB is an error.
    pub fn write(&mut self, record: &Record<'_>) -> io::Result<()> {
        let bytes = postcard::to_allocvec(record).map_err(io::Error::other)?;
        if bytes.len() > MAX_RECORD_BYTES {
            return Err(io::Error::other("a publication is too large"));
        }
        self.append(&(bytes.len() as u32).to_le_bytes())?;
        self.append(&bytes)?;
        // Not a part of itself: a checksum over what ends with its own checksum is a constant.
        let checksum = self.checksum.clone().finalize().to_le_bytes();
        self.bytes += checksum.len() as u64;
        self.out.write_all(&checksum)
    }

    /// The number of bytes written.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Flushes the stream and returns it.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }

    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.checksum.update(bytes);
        self.bytes += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}
