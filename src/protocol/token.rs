//! Tokens that clients bring.

use std::fmt;

/// A token that a client brought and nobody has verified yet. It is a secret, so it is never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

impl Token {
    /// The token with this text.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text, as the client sent it. Don't log it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_never_printed() {
        assert_eq!(format!("{:?}", Token::new("secret")), "Token(***)");
    }
}
