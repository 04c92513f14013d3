//! Excerpts: as much of a client's text as an answer repeats.

/// How much of a name an answer repeats, in characters. An invalid name may be as long as a message,
/// and answers must not be.
pub(crate) const NAME_CHARS: usize = 64;

/// The first `chars` characters of a text, or all of it.
pub(crate) fn excerpt(text: &str, chars: usize) -> &str {
    let end = text.char_indices().nth(chars);
    end.map_or(text, |(end, _)| &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_ends_between_characters() {
        assert_eq!(excerpt("üüü", 2), "üü");
        assert_eq!(excerpt("üü", 2), "üü");
        assert_eq!(excerpt("", 2), "");
    }
}
