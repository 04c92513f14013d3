//! A JSON text, byte by byte.

use memchr::memchr2;

/// Reads forward only, each byte once. `None` means the text is no JSON, or ends too soon.
pub(super) struct Scanner<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> Scanner<'a> {
    /// Reads an object; `on_key` is called behind each colon and must read the value.
    pub(super) fn object(
        &mut self,
        mut on_key: impl FnMut(&mut Self, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            self.skip_white();
            let start = self.at;
            if self.bytes.get(start) != Some(&b'"') {
                return None;
            }
            self.at = end_of_string(self.bytes, start)?;
            let key = &self.bytes[start + 1..self.at - 1];
            self.take(b':')?;
            on_key(self, key)?;
            if self.take(b',').is_none() {
                return self.take(b'}');
            }
        }
    }

    pub(super) fn skip_white(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Skips white space and then `byte`, if it is there.
    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        self.skip_white();
        if self.bytes.get(self.at) != Some(&byte) {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// The next whole value, raw.
    pub(super) fn value(&mut self) -> Option<&'a [u8]> {
        self.skip_white();
        let start = self.at;
        self.at = match self.bytes.get(start)? {
            b'"' => end_of_string(self.bytes, start)?,
            b'{' | b'[' => self.end_of_nested(start)?,
            b',' | b':' | b'}' | b']' => return None,
            _ => {
                let length = self.bytes[start..]
                    .iter()
                    .position(|b| matches!(b, b',' | b'}' | b']' | b' ' | b'\n' | b'\r' | b'\t'));
                start + length?
            }
        };
        Some(&self.bytes[start..self.at])
    }

    fn end_of_nested(&self, start: usize) -> Option<usize> {
        let mut depth = 0usize;
        let mut at = start;
        loop {
            match self.bytes.get(at)? {
                b'"' => {
                    at = end_of_string(self.bytes, at)?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth -= 1,
                _ => {}
            }
            at += 1;
            if depth == 0 {
                return Some(at);
            }
        }
    }
}

/// Keys and most values end within this many bytes, where a plain loop beats `memchr`.
const SHORT: usize = 16;

/// One past the closing quote of the string that begins at `start`.
fn end_of_string(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start + 1;
    for &byte in bytes.get(at..)?.iter().take(SHORT) {
        match byte {
            b'"' => return Some(at + 1),
            b'\\' => break,
            _ => at += 1,
        }
    }
    loop {
        at += memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}
