//! The scopes of API keys.

use std::fmt;

use crate::protocol::{Pattern, PatternError, did_you_mean, nearest};

/// How scopes are written; `publish` may be followed by a pattern of channels.
pub const SCOPES: [&str; 4] = ["publish", "publish:<pattern>", "read", "admin"];

/// What an API key may do.
#[derive(Debug, Clone, Default)]
pub struct Scopes {
    publish: Publish,
    read: bool,
    /// Everything.
    admin: bool,
}

/// The channels that a key may publish to.
#[derive(Debug, Clone, Default)]
enum Publish {
    #[default]
    Nowhere,
    To(Vec<Pattern>),
    Everywhere,
}

/// Why a text is not a scope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScopeError {
    /// There is no such scope.
    Unknown(String),
    /// What follows `publish:` is not a pattern.
    Pattern(PatternError),
    /// A pattern has `{user}`, and an API key has no user.
    User,
}

impl Scopes {
    /// Adds a scope: `publish`, `publish:<pattern>`, `read` or `admin`.
    pub fn add(&mut self, scope: &str) -> Result<(), ScopeError> {
        match scope.split_once(':') {
            Some(("publish", pattern)) => self.add_pattern(pattern)?,
            None if scope == "publish" => self.publish = Publish::Everywhere,
            None if scope == "read" => self.read = true,
            None if scope == "admin" => self.admin = true,
            _ => return Err(ScopeError::Unknown(scope.to_owned())),
        }
        Ok(())
    }

    fn add_pattern(&mut self, pattern: &str) -> Result<(), ScopeError> {
        let pattern = Pattern::parse(pattern).map_err(ScopeError::Pattern)?;
        if pattern.has_user() {
            return Err(ScopeError::User);
        }
        match &mut self.publish {
            Publish::Nowhere => self.publish = Publish::To(vec![pattern]),
            Publish::To(patterns) => patterns.push(pattern),
            Publish::Everywhere => {}
        }
        Ok(())
    }

    /// Whether the key may read: statistics, lists, histories and metrics.
    pub fn may_read(&self) -> bool {
        self.read || self.admin
    }

    /// Whether the key may do everything.
    pub fn may_administer(&self) -> bool {
        self.admin
    }

    /// Whether there is any channel that the key may publish to.
    pub fn may_publish_somewhere(&self) -> bool {
        self.admin || !matches!(self.publish, Publish::Nowhere)
    }

    /// Whether the key may publish to all channels, users and everyone.
    pub fn may_publish_everywhere(&self) -> bool {
        self.admin || matches!(self.publish, Publish::Everywhere)
    }

    /// Whether the key may publish to this channel. A user counts as `$user:<id>`, everyone as
    /// `$all`.
    pub fn may_publish_to(&self, channel: &str) -> bool {
        let to = |patterns: &[Pattern]| {
            let mut patterns = patterns.iter();
            patterns.any(|pattern| pattern.matches(channel, None))
        };
        match &self.publish {
            _ if self.admin => true,
            Publish::Everywhere => true,
            Publish::Nowhere => false,
            Publish::To(patterns) => to(patterns),
        }
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(scope) => {
                write!(f, "{scope:?} is not a scope")?;
                match nearest(scope, ["publish", "read", "admin"]) {
                    Some(meant) => f.write_str(&did_you_mean(Some(meant))),
                    None => write!(f, "; write {}", SCOPES.join(", ")),
                }
            }
            Self::Pattern(error) => write!(f, "the pattern behind `publish:` {error}"),
            Self::User => f.write_str("`{user}` stands for nobody here: an API key has no user"),
        }
    }
}

impl std::error::Error for ScopeError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn scopes(all: &[&str]) -> Scopes {
        let mut scopes = Scopes::default();
        for scope in all {
            scopes.add(scope).unwrap();
        }
        scopes
    }

    #[test]
    fn each_scope_allows_only_its_own() {
        let allows = |all: &[&str]| {
            let scopes = scopes(all);
            [
                scopes.may_publish_somewhere(),
                scopes.may_publish_to("news"),
                scopes.may_publish_to("$all"),
                scopes.may_read(),
                scopes.may_administer(),
            ]
        };
        assert_eq!(allows(&[]), [false; 5]);
        assert_eq!(allows(&["publish"]), [true, true, true, false, false]);
        assert_eq!(
            allows(&["publish:orders:*"]),
            [true, false, false, false, false]
        );
        assert_eq!(
            allows(&["publish:orders:*", "publish:n?ws"]),
            [true, true, false, false, false]
        );
        assert_eq!(allows(&["publish:$all"]), [true, false, true, false, false]);
        assert_eq!(
            allows(&["publish:x", "publish"]),
            [true, true, true, false, false]
        );
        assert_eq!(allows(&["read"]), [false, false, false, true, false]);
        assert_eq!(allows(&["admin"]), [true; 5]);
    }

    #[test]
    fn a_pattern_matches_the_whole_name() {
        let orders = scopes(&["publish:orders:*"]);
        assert!(orders.may_publish_to("orders:17") && orders.may_publish_to("orders:17:eu"));
        for other in [
            "orders",
            "orders17",
            "my-orders:17",
            "Orders:17",
            "$user:orders:1",
        ] {
            assert!(!orders.may_publish_to(other), "{other}");
        }
    }

    #[test]
    fn other_texts_are_not_scopes() {
        let error = |scope: &str| Scopes::default().add(scope).unwrap_err().to_string();
        assert_eq!(
            error("raed"),
            "\"raed\" is not a scope; did you mean `read`?"
        );
        assert_eq!(
            error("Publish"),
            "\"Publish\" is not a scope; did you mean `publish`?"
        );
        assert_eq!(
            error("close"),
            "\"close\" is not a scope; write publish, publish:<pattern>, read, admin"
        );
        assert!(error("publish:").contains("empty"), "{}", error("publish:"));
        assert!(error("read:news").contains("is not a scope"));
        assert!(error("publish:inbox:{user}").contains("has no user"));
    }
}
