//! What a client has received, whatever its wire protocol is.

use serde_json::Value;
use wavecast::dialect::ClassId;
use wavecast::dialect::sse::{Encoder, Positions};
use wavecast::hub::Pipe;

use super::marked::{MARKED, native_code, open};
use crate::frames::{Received, drain};

/// Reads a client's pipe.
pub(super) struct Reading {
    class: ClassId,
    /// The messages as a native client would get them.
    pub(super) texts: Vec<Value>,
    /// The native code of the end of the connection, after which nothing may follow.
    pub(super) close: Option<u16>,
    /// Whether it ends with an incomplete message.
    pub(super) is_incomplete: bool,
    frames: Received,
    events: Encoder,
    /// The text of an event stream that has not been parsed yet.
    text: String,
}

impl Reading {
    pub(super) fn new(class: ClassId) -> Self {
        Self {
            class,
            texts: Vec::new(),
            close: None,
            is_incomplete: false,
            frames: Received::default(),
            events: Encoder::new(0, Positions::new(&[], None).0),
            text: String::new(),
        }
    }

    /// Takes everything from the pipe. Returns whether there was anything.
    pub(super) async fn take(&mut self, pipe: &Pipe) -> bool {
        let mut bytes = Vec::new();
        drain(pipe, &mut bytes).await;
        if self.class == ClassId::EVENT_STREAM {
            self.add_records(&bytes);
        } else {
            self.add_frames(&bytes);
        }
        self.is_incomplete = self.frames.is_incomplete() || !self.events.records_mut().is_empty();
        !bytes.is_empty()
    }

    fn add_frames(&mut self, bytes: &[u8]) {
        self.frames.add(bytes);
        let texts = std::mem::take(&mut self.frames.texts);
        if self.class == MARKED {
            self.texts
                .extend(texts.iter().map(open).map(without_its_time));
            self.close = self.frames.close.map(native_code);
        } else {
            self.texts.extend(texts.into_iter().map(without_its_time));
            self.close = self.frames.close;
        }
    }

    fn add_records(&mut self, bytes: &[u8]) {
        self.events.records_mut().extend_from_slice(bytes);
        loop {
            let chunk = self.events.next_chunk();
            if chunk.is_empty() {
                break;
            }
            self.text.push_str(str::from_utf8(&chunk).unwrap());
        }
        while let Some((event, rest)) = self.text.split_once("\n\n") {
            assert_eq!(self.close, None, "an event after the last one");
            let mut data = String::new();
            let mut is_close = false;
            for line in event.lines() {
                if let Some(part) = line.strip_prefix("data: ") {
                    data.push_str(part);
                }
                is_close |= line == "event: close";
            }
            if !data.is_empty() {
                let data: Value = serde_json::from_str(&data).unwrap();
                if is_close {
                    self.close = data["code"].as_u64().map(|code| code as u16);
                } else {
                    self.texts.push(without_its_time(data));
                }
            }
            self.text = rest.to_owned();
        }
    }
}

/// The notice of a shutdown, without what the model does not know.
fn without_its_time(mut text: Value) -> Value {
    if text["channel"] == "$system"
        && let Some(fields) = text.as_object_mut()
    {
        fields.remove("data");
    }
    text
}
