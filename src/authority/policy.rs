//! The policy of the configuration: tokens, rules, and what clients without a token may do.

use std::sync::Arc;
use std::time::SystemTime;

use super::key_fetcher::KeyFetcher;
use crate::auth::token::{Unverified, Verified};
use crate::auth::{AccessRules, Action, Actions, Asked, Grants, GrantsTable};
use crate::node::policy::{
    Allowed, Answer, Authenticate, ClientPublish, ClientRef, Connect, Decision, Edit, ErrorCode,
    History, Identity, Join, Json, Membership, Message, Policy, Presence, Refusal, Subscribe,
    Terms, Token, TokenOptions, Topic, UserId,
};
use crate::protocol::TopicKind;

/// What decides who may connect, and what they may do.
#[derive(Debug, Default)]
pub(crate) struct Access {
    /// The rules of the configuration.
    pub(crate) rules: AccessRules,
    /// What a client without a token may do. `None`: it may not connect if there are tokens, and
    /// may do everything but publish if there are none.
    pub(crate) anonymous: Option<Grants>,
}

impl Access {
    /// Whether nothing is forbidden to anybody.
    pub(crate) fn is_open(&self) -> bool {
        self.anonymous.is_none() && self.rules.is_empty()
    }
}

/// The tokens that clients may bring.
#[derive(Debug)]
pub(crate) struct Tokens {
    /// Verifies them.
    pub(crate) keys: KeyFetcher,
    /// How clients bring them.
    pub(crate) options: TokenOptions,
}

/// The policy that the configuration describes.
#[derive(Debug)]
pub(crate) struct Authority {
    tokens: Option<Tokens>,
    rules: AccessRules,
    anonymous: Option<Arc<Grants>>,
    /// The grants of all tokens of a kind are the same.
    grants: GrantsTable,
}

impl Authority {
    /// Without `tokens`, nobody needs one.
    pub(crate) fn new(access: Access, tokens: Option<Tokens>) -> Self {
        Self {
            tokens,
            rules: access.rules,
            anonymous: access.anonymous.map(Arc::new),
            grants: GrantsTable::default(),
        }
    }

    /// Whether a client may do something in a topic that is not one of the server's own.
    fn allows(&self, client: ClientRef<'_>, topic: Topic<'_>, action: Action) -> bool {
        let (kind, name) = match topic {
            Topic::Room(room) => (TopicKind::Room, room.as_str()),
            Topic::Channel(channel) => (TopicKind::Channel, channel.as_str()),
        };
        self.rules.allows(Asked {
            kind,
            name,
            action,
            user: client.user(),
            grants: client.value::<Grants>().or(self.anonymous.as_deref()),
            granted: client.value::<ChannelGrant>().map(|grant| grant.0),
            open: self.tokens.is_none() && self.anonymous.is_none(),
        })
    }

    /// The answer about joining a topic, which includes reading its past only if that is allowed.
    fn joining<'a>(
        &self,
        client: ClientRef<'_>,
        topic: Topic<'_>,
        action: Action,
        resumes: bool,
    ) -> Decision<'a, Terms> {
        if !self.allows(client, topic, action) {
            return Decision::refuse(ErrorCode::Forbidden);
        }
        if resumes && !self.allows(client, topic, Action::History) {
            return Decision::change(Terms::default().without_resume());
        }
        Decision::allow()
    }

    fn permitted<'a, T>(
        &self,
        client: ClientRef<'_>,
        topic: Topic<'_>,
        action: Action,
    ) -> Decision<'a, T> {
        if self.allows(client, topic, action) {
            Decision::allow()
        } else {
            Decision::refuse(ErrorCode::Forbidden)
        }
    }

    /// The identity that a token proves. It is answered at once unless a key has to be fetched.
    fn identity<'a>(&'a self, token: &'a Token) -> Decision<'a, Identity> {
        let Some(tokens) = &self.tokens else {
            return Decision::refuse(ErrorCode::InvalidToken);
        };
        let text = token.as_str();
        match tokens.keys.verifier().verify(text, SystemTime::now()) {
            Err(Unverified::KeysUnavailable | Unverified::UnknownKey(_)) => {
                Decision::later(async move { self.accepted(tokens.keys.verify(text).await) })
            }
            verified => Decision::Now(self.accepted(verified)),
        }
    }

    fn accepted(&self, verified: Result<Verified, Unverified>) -> Answer<Identity> {
        let mut verified = verified.map_err(refusal)?;
        if verified.channel.is_some() {
            tracing::debug!("a subscription token was used to connect");
            return Err(ErrorCode::InvalidToken.into());
        }
        tracing::debug!(
            user = verified.user.as_ref().map(UserId::as_str),
            token = verified.token_id,
            key = verified.key_id,
            "token verified"
        );
        let grants = self.grants.intern(std::mem::take(&mut verified.grants));
        Ok(Allowed::Changed(identity_of(verified, grants)))
    }

    /// The answer to a subscription with a token for its channel alone.
    fn subscribing(
        &self,
        asked: Subscribe<'_>,
        verified: Result<Verified, Unverified>,
    ) -> Answer<Terms> {
        let mut verified = verified.map_err(refusal)?;
        let user = verified.user.as_ref().map(UserId::as_str);
        let claim = verified
            .channel
            .take()
            .filter(|claim| claim.channel == *asked.channel && user == asked.client.user());
        let Some(claim) = claim else {
            tracing::debug!("a token is not for this channel, or not for this user");
            return Err(ErrorCode::InvalidToken.into());
        };
        let allows = |action| {
            self.rules.allows(Asked {
                kind: TopicKind::Channel,
                name: asked.channel.as_str(),
                action,
                user: asked.client.user(),
                grants: None,
                granted: Some(claim.allow),
                open: false,
            })
        };
        if !allows(Action::Subscribe) {
            return Err(ErrorCode::Forbidden.into());
        }
        let grant = Arc::new(ChannelGrant(claim.allow));
        let mut terms = Terms::default().granted_by(identity_of(verified, grant));
        if asked.resume.is_some() && !allows(Action::History) {
            terms = terms.without_resume();
        }
        Ok(Allowed::Changed(terms))
    }
}

/// What a token for one channel alone grants there.
#[derive(Debug)]
struct ChannelGrant(Actions);

/// The identity of a token, with what it grants.
fn identity_of<T: Send + Sync + 'static>(verified: Verified, grants: Arc<T>) -> Identity {
    let mut identity = match verified.user {
        Some(user) => Identity::new(user),
        None => Identity::anonymous(),
    };
    identity = identity.with_shared_value(grants);
    if let Some(info) = verified.info {
        identity = identity.with_info(info);
    }
    if let Some(meta) = verified.meta {
        identity = identity.with_meta(meta);
    }
    if let Some(id) = verified.token_id {
        identity = identity.with_token_id(&id);
    }
    if let Some(at) = verified.issued {
        identity = identity.with_issued(at);
    }
    if let Some(at) = verified.expires {
        identity = identity.with_expires(at);
    }
    identity
}

/// The refusal of a token. Which check failed is only in the debug log.
fn refusal(unverified: Unverified) -> Refusal {
    let code = match unverified {
        Unverified::Invalid(why) => {
            tracing::debug!(why = &*why, "a token is invalid");
            ErrorCode::InvalidToken
        }
        Unverified::UnknownKey(_) => ErrorCode::InvalidToken,
        Unverified::Expired => ErrorCode::TokenExpired,
        Unverified::NotYetValid => ErrorCode::TokenNotYetValid,
        Unverified::KeysUnavailable => ErrorCode::KeysUnavailable,
    };
    code.into()
}

impl Policy for Authority {
    fn tokens(&self) -> Option<TokenOptions> {
        self.tokens.as_ref().map(|tokens| tokens.options.clone())
    }

    fn connect<'a>(&'a self, asked: Connect<'a>) -> Decision<'a, Identity> {
        match asked.token {
            Some(token) => self.identity(token),
            // `?user=` under --dev, which trusts it.
            None if asked.client.identity().is_some() => Decision::allow(),
            None if self.tokens.is_some() && self.anonymous.is_none() => {
                Decision::refuse(ErrorCode::Unauthenticated)
            }
            None => Decision::allow(),
        }
    }

    fn authenticate<'a>(&'a self, asked: Authenticate<'a>) -> Decision<'a, Identity> {
        self.identity(asked.token)
    }

    fn subscribe<'a>(&'a self, asked: Subscribe<'a>) -> Decision<'a, Terms> {
        let topic = Topic::Channel(asked.channel);
        let resumes = asked.resume.is_some();
        let (Some(token), Some(tokens)) = (asked.token, &self.tokens) else {
            return self.joining(asked.client, topic, Action::Subscribe, resumes);
        };
        match tokens
            .keys
            .verifier()
            .verify(token.as_str(), SystemTime::now())
        {
            Err(Unverified::KeysUnavailable | Unverified::UnknownKey(_)) => {
                Decision::later(async move {
                    let verified = tokens.keys.verify(token.as_str()).await;
                    self.subscribing(asked, verified)
                })
            }
            verified => Decision::Now(self.subscribing(asked, verified)),
        }
    }

    fn join<'a>(&'a self, asked: Join<'a>) -> Decision<'a, Terms> {
        let topic = Topic::Room(asked.room);
        self.joining(asked.client, topic, Action::Join, asked.resume.is_some())
    }

    fn client_publish<'a>(&'a self, asked: ClientPublish<'a>) -> Decision<'a, Edit> {
        self.permitted(asked.client, Topic::Channel(asked.channel), Action::Publish)
    }

    fn message<'a>(&'a self, asked: Message<'a>) -> Decision<'a, Json> {
        self.permitted(asked.client, Topic::Room(asked.room), Action::Say)
    }

    fn history<'a>(&'a self, asked: History<'a>) -> Decision<'a, ()> {
        self.permitted(asked.client, asked.topic, Action::History)
    }

    fn presence<'a>(&'a self, asked: Presence<'a>) -> Decision<'a, ()> {
        self.permitted(asked.client, asked.topic, Action::Presence)
    }

    fn remain<'a>(&'a self, asked: Membership<'a>) -> Decision<'a, ()> {
        let action = match asked.topic {
            Topic::Room(_) => Action::Join,
            Topic::Channel(_) => Action::Subscribe,
        };
        self.permitted(asked.client, asked.topic, action)
    }
}
