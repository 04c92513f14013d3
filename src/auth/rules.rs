//! The configuration's rules about who may do what.

use super::action::{Action, Actions};
use super::grants::Grants;
use crate::protocol::{Pattern, TopicKind};

/// Who may do something, as a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everybody who may connect.
    Everyone,
    /// Every connection of a user.
    Users,
    /// Connections whose token grants it, or that of `[anonymous]`.
    Granted,
    /// No client, whatever its token says.
    Nobody,
}

impl Audience {
    /// The names of all audiences in the configuration.
    pub const WORDS: &'static [&'static str] = &["everyone", "users", "granted", "nobody"];

    /// The audience of this name.
    pub fn named(word: &str) -> Option<Self> {
        match word {
            "everyone" => Some(Self::Everyone),
            "users" => Some(Self::Users),
            "granted" => Some(Self::Granted),
            "nobody" => Some(Self::Nobody),
            _ => None,
        }
    }
}

/// The audiences of the topics whose names match a pattern.
#[derive(Debug, Clone)]
pub struct AccessRule {
    kind: TopicKind,
    pattern: Pattern,
    audiences: Vec<(Action, Audience)>,
}

impl AccessRule {
    /// A rule that says nothing yet.
    pub fn new(kind: TopicKind, pattern: Pattern) -> Self {
        Self {
            kind,
            pattern,
            audiences: Vec::new(),
        }
    }

    /// Says who may do it.
    #[must_use]
    pub fn with(mut self, action: Action, audience: Audience) -> Self {
        self.audiences.push((action, audience));
        self
    }

    /// The audience of the action. What a rule does not say follows the action that makes a member.
    /// Publishing follows nothing.
    fn audience(&self, action: Action) -> Option<Audience> {
        self.said(action).or_else(|| match action {
            Action::History | Action::Presence | Action::Say => self.said(match self.kind {
                TopicKind::Channel => Action::Subscribe,
                TopicKind::Room => Action::Join,
            }),
            Action::Subscribe | Action::Publish | Action::Join => None,
        })
    }

    fn said(&self, action: Action) -> Option<Audience> {
        let said = self.audiences.iter().find(|&&(other, _)| other == action);
        said.map(|&(_, audience)| audience)
    }
}

/// A client's question whether it may do something.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Room or channel.
    pub kind: TopicKind,
    /// The topic's name, not one of the server's own (`$…`), which have no rules.
    pub name: &'a str,
    /// What the client wants to do.
    pub action: Action,
    /// The client's user.
    pub user: Option<&'a str>,
    /// What the client's token grants, or what is granted without one.
    pub grants: Option<&'a Grants>,
    /// What a token for this topic alone grants, in place of `grants`.
    pub granted: Option<Actions>,
    /// Whether nothing says who may connect: then everything is granted but publishing.
    pub open: bool,
}

impl Asked<'_> {
    fn is_granted(&self) -> bool {
        if let Some(actions) = self.granted {
            return actions.contains(self.action);
        }
        match self.grants {
            Some(grants) => grants.allows(self.kind, self.name, self.action, self.user),
            None => self.open && self.action != Action::Publish,
        }
    }
}

/// The rules about who may do what, in the order of the configuration.
#[derive(Debug, Clone, Default)]
pub struct AccessRules {
    rules: Vec<AccessRule>,
}

impl AccessRules {
    /// Appends a rule.
    pub fn push(&mut self, rule: AccessRule) {
        self.rules.push(rule);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether the client may do what it asks.
    ///
    /// The first rule whose pattern matches decides, `{user}` standing for any one segment, so that a
    /// later rule never opens what is another user's. Where it is silent, and where there is no
    /// rule, what is granted decides.
    pub fn allows(&self, asked: Asked<'_>) -> bool {
        let rule = self
            .rules
            .iter()
            .find(|rule| rule.kind == asked.kind && rule.pattern.matches_any_user(asked.name));
        let Some(rule) = rule else {
            return asked.is_granted();
        };
        let is_own = || !rule.pattern.has_user() || rule.pattern.matches(asked.name, asked.user);
        match rule.audience(asked.action) {
            Some(Audience::Nobody) => false,
            Some(Audience::Everyone) => true,
            Some(Audience::Users) => asked.user.is_some() && is_own(),
            Some(Audience::Granted) | None => is_own() && asked.is_granted(),
        }
    }
}

#[cfg(test)]
mod tests;
