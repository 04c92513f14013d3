//! Reads the frames that a shard writes into a pipe.

use std::future::poll_fn;
use std::task::Poll;

use serde_json::Value;
use wavecast::hub::Pipe;

/// What one client has received.
#[derive(Debug, Default, Clone)]
pub(crate) struct Received {
    bytes: Vec<u8>,
    pub(crate) texts: Vec<Value>,
    /// The code of the Close frame, after which nothing may follow.
    pub(crate) close: Option<u16>,
}

impl Received {
    /// Takes everything from the pipe. Returns whether there was anything.
    pub(crate) async fn take(&mut self, pipe: &Pipe) -> bool {
        let before = self.bytes.len();
        drain(pipe, &mut self.bytes).await;
        let any = self.bytes.len() > before;
        self.parse();
        any
    }

    /// Adds bytes that were read elsewhere.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
        self.parse();
    }

    /// Whether it ends with an incomplete frame.
    pub(crate) fn is_incomplete(&self) -> bool {
        !self.bytes.is_empty()
    }

    fn parse(&mut self) {
        let mut rest = &self.bytes[..];
        while let Some((first, payload, behind)) = split_frame(rest) {
            assert_eq!(self.close, None, "a frame after the Close frame");
            match first {
                0x81 => self.texts.push(serde_json::from_slice(payload).unwrap()),
                0x88 => self.close = Some(u16::from_be_bytes([payload[0], payload[1]])),
                0x89 => {}
                other => panic!("a frame that starts with {other:#x}"),
            }
            rest = behind;
        }
        self.bytes = rest.to_vec();
    }
}

/// Appends everything in the pipe to `bytes`.
pub(crate) async fn drain(pipe: &Pipe, bytes: &mut Vec<u8>) {
    poll_fn(|cx| {
        while let Poll::Ready(true) = pipe.poll_read(cx, bytes) {}
        Poll::Ready(())
    })
    .await;
}

fn split_frame(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[first, length], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match length {
        126 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::from(u16::from_be_bytes(*length)), rest)
        }
        127 => {
            let (length, rest) = rest.split_first_chunk()?;
            (usize::try_from(u64::from_be_bytes(*length)).ok()?, rest)
        }
        short => (usize::from(short), rest),
    };
    let (payload, behind) = rest.split_at_checked(length)?;
    Some((first, payload, behind))
}
