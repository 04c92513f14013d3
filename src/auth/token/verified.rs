//! What became of a token.

use std::borrow::Cow;
use std::time::SystemTime;

use crate::auth::action::Actions;
use crate::auth::grants::Grants;
use crate::protocol::{ChannelName, Json, UserId};

/// A token that was verified. A caller that expects a connection token must refuse one that has a
/// `channel`, and the other way round (RFC 8725 §3.12).
#[derive(Debug, Clone)]
pub struct Verified {
    /// `sub`.
    pub user: Option<UserId>,
    /// `channels` and `rooms`.
    pub grants: Grants,
    /// `info`, at most 1 KiB.
    pub info: Option<Json>,
    /// `meta`, at most 1 KiB.
    pub meta: Option<Json>,
    /// `jti`, at most 128 bytes.
    pub token_id: Option<String>,
    /// The token's `kid`, or else the id of the key that verified it.
    pub key_id: Option<String>,
    /// `iat`.
    pub issued: Option<SystemTime>,
    /// `exp`.
    pub expires: Option<SystemTime>,
    /// `channel`: this is a subscription token.
    pub channel: Option<ChannelClaim>,
}

/// What a subscription token allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelClaim {
    /// The only channel that it is for.
    pub channel: ChannelName,
    /// What it allows there.
    pub allow: Actions,
}

/// Why a token was not verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unverified {
    /// The text says why, for the debug log only. It has nothing of the token in it.
    Invalid(Cow<'static, str>),
    /// The token is right in every other way, and past its `exp`.
    Expired,
    /// The token is right in every other way, and its `nbf` or `iat` is in the future.
    NotYetValid,
    /// A key set that may have the key could not be fetched yet; try again later.
    KeysUnavailable,
    /// None of the known keys has the token's `kid`. These key sets, by their index, may have it
    /// once they are fetched again. If they are not, the token is invalid.
    UnknownKey(Vec<usize>),
}
