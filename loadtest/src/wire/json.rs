//! A JSON scanner that builds no tree and copies nothing.

use memchr::memchr2;

/// Scans forward only. A method returns `None` if the text is not JSON or ends too early.
pub(crate) struct Scanner<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Scanner<'a> {
    /// Reads an object. `on_key` is called after each colon and must read the value.
    pub(crate) fn object(
        &mut self,
        mut on_key: impl FnMut(&mut Self, &'a [u8]) -> Option<()>,
    ) -> Option<()> {
        self.take(b'{')?;
        if self.take(b'}').is_some() {
            return Some(());
        }
        loop {
            self.skip_whitespace();
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

    pub(crate) fn skip_whitespace(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.bytes.get(self.at) {
            self.at += 1;
        }
    }

    /// Skips whitespace, then `byte`. `None` if the next byte is another one.
    pub(crate) fn take(&mut self, byte: u8) -> Option<()> {
        self.skip_whitespace();
        if self.bytes.get(self.at) != Some(&byte) {
            return None;
        }
        self.at += 1;
        Some(())
    }

    /// The next value, as raw text.
    pub(crate) fn value(&mut self) -> Option<&'a [u8]> {
        self.skip_whitespace();
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

/// Calls `on_member` with the raw key and the raw value of each member of a JSON object, up to the first syntax error.
pub(crate) fn members<'a>(object: &'a [u8], mut on_member: impl FnMut(&'a [u8], &'a [u8])) {
    let mut scanner = Scanner {
        bytes: object,
        at: 0,
    };
    // After a syntax error the caller has received only some of the members, and treats the others as missing.
    let _ = scanner.object(|scanner, key| {
        on_member(key, scanner.value()?);
        Some(())
    });
}

/// Calls `on_item` with the raw text of each item of a JSON array, up to the first syntax error.
pub(crate) fn items<'a>(array: &'a [u8], mut on_item: impl FnMut(&'a [u8])) {
    let mut scanner = Scanner {
        bytes: array,
        at: 0,
    };
    if scanner.take(b'[').is_none() {
        return;
    }
    while let Some(item) = scanner.value() {
        on_item(item);
        if scanner.take(b',').is_none() {
            return;
        }
    }
}

/// Parses an unsigned integer without fraction or exponent.
pub(crate) fn integer(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |number, byte| {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit))
    })
}

/// A string without its quotes and with its escapes unchanged; any other value as it is.
pub(crate) fn unquoted(value: &[u8]) -> &[u8] {
    value
        .strip_prefix(b"\"")
        .and_then(|rest| rest.strip_suffix(b"\""))
        .unwrap_or(value)
}

/// Most keys and values are shorter than this, and for those a plain loop is faster than `memchr`.
const SHORT: usize = 16;

/// The index after the closing quote of the string that starts at `start`.
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
