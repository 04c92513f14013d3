//! The answers of a stream, gathered until they are sent.

use serde::{Deserialize, Serialize};

use crate::node::Published;
use crate::protocol::{ErrorCode, Json, Refusal, excerpt};

/// Maximum number of lines that are answered together.
const MAX_LINES: usize = 1024;
/// When this many bytes are gathered, they are sent. One more answer may be added before.
const MAX_BYTES: usize = 16 * 1024;
/// Maximum length of a detail, in characters. It may repeat a name that is as long as a line.
const MAX_DETAIL: usize = 1000;

/// Which lines are answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Wanted {
    /// Every event.
    #[default]
    All,
    /// Those that are refused. The last line has the totals.
    Errors,
}

/// The answers that have not been sent yet.
#[derive(Debug)]
pub(super) struct Answers {
    wanted: Wanted,
    /// Lines of JSON. Empty while the stream is idle.
    text: String,
    /// The number of lines in `text`.
    lines: usize,
    totals: Totals,
}

#[derive(Debug, Default, Serialize)]
struct Totals {
    published: u64,
    failed: u64,
}

#[derive(Debug, Serialize)]
struct Refused<'a> {
    error: RefusedLine<'a>,
}

#[derive(Debug, Serialize)]
struct RefusedLine<'a> {
    code: ErrorCode,
    detail: &'a str,
    line: u64,
}

impl Answers {
    pub(super) fn new(wanted: Wanted) -> Self {
        Self {
            wanted,
            text: String::new(),
            lines: 0,
            totals: Totals::default(),
        }
    }

    /// Adds what became of the event on a line.
    pub(super) fn add(&mut self, line: u64, outcome: &Result<Published, Refusal>) {
        match outcome {
            Ok(published) => {
                self.totals.published += 1;
                if self.wanted == Wanted::All {
                    published.push_json(&mut self.text);
                    self.end_line();
                }
            }
            Err(refusal) => {
                self.totals.failed += 1;
                let error = RefusedLine {
                    code: refusal.code,
                    detail: excerpt(refusal.detail(), MAX_DETAIL),
                    line,
                };
                self.push(&Refused { error });
            }
        }
    }

    /// Adds the last line, if there is one.
    pub(super) fn finish(&mut self) {
        if self.wanted == Wanted::Errors {
            let totals = std::mem::take(&mut self.totals);
            self.push(&totals);
        }
    }

    /// Whether the answers are to be sent before there are more.
    pub(super) fn is_full(&self) -> bool {
        self.lines >= MAX_LINES || self.text.len() >= MAX_BYTES
    }

    /// Takes the answers that are to be sent.
    pub(super) fn take(&mut self) -> Option<String> {
        self.lines = 0;
        let text = std::mem::take(&mut self.text);
        (!text.is_empty()).then_some(text)
    }

    /// Adds a line that is not one of many.
    fn push<T: Serialize>(&mut self, value: &T) {
        // Texts and numbers can always be encoded.
        if let Ok(json) = Json::encode(value) {
            self.text.push_str(json.as_str());
        }
        self.end_line();
    }

    fn end_line(&mut self) {
        self.text.push('\n');
        self.lines += 1;
    }
}
