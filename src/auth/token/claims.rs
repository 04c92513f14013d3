//! The claims of a token, read strictly.

use std::time::{Duration, SystemTime};

use serde::de::DeserializeOwned;

use super::options::TokenOptions;
use super::verified::{ChannelClaim, Unverified, Verified};
use crate::auth::action::Actions;
use crate::auth::grants::Grants;
use crate::protocol::{ChannelName, Json, UserId, members};

/// Maximum length of `info` and `meta`, as JSON text in bytes.
pub(crate) const MAX_DETAIL_BYTES: usize = 1024;

/// Maximum length of `jti` in bytes.
const MAX_TOKEN_ID_BYTES: usize = 128;

/// The end of the year 9999, in Unix seconds: the last time that a timestamp can show.
const LAST_SECOND: f64 = 253_402_300_799.0;

/// What a subscription token allows if it does not say.
const DEFAULT_ALLOW: [&str; 2] = ["subscribe", "history"];

/// The claims of a token by name. Reading them says nothing about whether they are true.
#[derive(Debug)]
pub(super) struct Claims<'a>(Vec<(String, &'a str)>);

impl<'a> Claims<'a> {
    /// Splits the JSON text of the claims. A repeated claim is an error.
    pub(super) fn parse(text: &'a str) -> Result<Self, Unverified> {
        let members = members(text);
        let members =
            members.map_err(|_| invalid("the claims are not an object of distinct members"))?;
        Ok(Self(members))
    }

    /// `iss`.
    pub(super) fn issuer(&self) -> Result<Option<String>, Unverified> {
        self.read("iss", "`iss` is not a string")
    }

    /// Checks everything but the signature, by the rules of `options`.
    ///
    /// Errors: `Expired` and `NotYetValid` only if there is nothing else to object to, because they
    /// ask the client to try again.
    pub(super) fn check(
        &self,
        options: &TokenOptions,
        key_id: Option<String>,
        now: SystemTime,
    ) -> Result<Verified, Unverified> {
        self.check_audience(&options.audience)?;
        self.check_issuer(&options.issuer)?;
        let (expires, issued) = (self.time("exp")?, self.time("iat")?);
        let not_before = self.time("nbf")?;
        if expires.is_none() && options.require_expiry {
            return Err(invalid("`exp` is missing"));
        }
        let longest = now.checked_add(options.max_lifetime);
        if expires
            .zip(longest)
            .is_some_and(|(expires, longest)| expires > longest)
        {
            return Err(invalid("`exp` is further away than max_lifetime"));
        }
        let verified = Verified {
            user: self.user()?,
            grants: Grants::from_claims(self.get("channels"), self.get("rooms"))
                .map_err(|reason| Unverified::Invalid(reason.into()))?,
            info: self.detail("info", "`info` is longer than 1 KiB")?,
            meta: self.detail("meta", "`meta` is longer than 1 KiB")?,
            token_id: self.token_id()?,
            key_id,
            issued,
            expires,
            channel: self.channel()?,
        };
        let is_future =
            |time: Option<SystemTime>| time.is_some_and(|time| later(now, options.leeway) < time);
        if is_future(not_before) || is_future(issued) {
            return Err(Unverified::NotYetValid);
        }
        // RFC 7519 §4.1.4: on or after `exp`, a token must not be accepted.
        if expires.is_some_and(|expires| now >= later(expires, options.leeway)) {
            return Err(Unverified::Expired);
        }
        Ok(verified)
    }

    fn check_audience(&self, accepted: &[String]) -> Result<(), Unverified> {
        let Some(text) = self.get("aud") else {
            return match accepted {
                [] => Ok(()),
                _ => Err(invalid("`aud` is missing")),
            };
        };
        // RFC 7519 §4.1.3: one string, or an array of them.
        let audience = match decode::<String>(text) {
            Some(one) => vec![one],
            None => decode::<Vec<String>>(text).ok_or(invalid("`aud` is not a list of strings"))?,
        };
        if audience.iter().any(|audience| accepted.contains(audience)) {
            Ok(())
        } else {
            Err(invalid("`aud` names somebody else"))
        }
    }

    fn check_issuer(&self, accepted: &[String]) -> Result<(), Unverified> {
        match self.issuer()? {
            _ if accepted.is_empty() => Ok(()),
            Some(issuer) if accepted.contains(&issuer) => Ok(()),
            Some(_) => Err(invalid("`iss` is somebody else")),
            None => Err(invalid("`iss` is missing")),
        }
    }

    fn user(&self) -> Result<Option<UserId>, Unverified> {
        let subject: Option<String> = self.read("sub", "`sub` is not a string")?;
        let user = subject.map(|subject| UserId::new(&subject)).transpose();
        user.map_err(|_| invalid("`sub` is not a user id"))
    }

    fn token_id(&self) -> Result<Option<String>, Unverified> {
        let id: Option<String> = self.read("jti", "`jti` is not a string")?;
        let is_wrong = |id: &String| {
            id.is_empty() || id.len() > MAX_TOKEN_ID_BYTES || id.chars().any(char::is_control)
        };
        if id.as_ref().is_some_and(is_wrong) {
            return Err(invalid(
                "`jti` does not have 1 to 128 bytes without control characters",
            ));
        }
        Ok(id)
    }

    fn detail(&self, name: &str, too_long: &'static str) -> Result<Option<Json>, Unverified> {
        match self.get(name) {
            Some(text) if text.len() > MAX_DETAIL_BYTES => Err(invalid(too_long)),
            text => Ok(text.map(|text| Json::from_text(text.to_owned()))),
        }
    }

    fn channel(&self) -> Result<Option<ChannelClaim>, Unverified> {
        let name: Option<String> = self.read("channel", "`channel` is not a string")?;
        let Some(name) = name else {
            return Ok(None);
        };
        let channel = ChannelName::new(&name)
            .ok()
            .filter(|name| !name.is_reserved());
        let channel = channel.ok_or(invalid("`channel` is not a channel's name"))?;
        let names: Option<Vec<String>> = self.read("allow", "`allow` is not a list of strings")?;
        let allow = match &names {
            Some(names) => Actions::of_channel(names.iter().map(String::as_str)),
            None => Actions::of_channel(DEFAULT_ALLOW),
        };
        let allow = allow.map_err(|reason| Unverified::Invalid(reason.into()))?;
        Ok(Some(ChannelClaim { channel, allow }))
    }

    /// A `NumericDate` (RFC 7519 §2): seconds, which may have a fraction. A time before 1970 counts as 1970.
    fn time(&self, name: &str) -> Result<Option<SystemTime>, Unverified> {
        let seconds: Option<f64> = self.read(name, "a time is not a number")?;
        let Some(seconds) = seconds else {
            return Ok(None);
        };
        if seconds > LAST_SECOND {
            return Err(invalid("a time is after the year 9999"));
        }
        let since = Duration::try_from_secs_f64(seconds.max(0.0));
        let since = since.map_err(|_| invalid("a time is out of range"))?;
        Ok(Some(SystemTime::UNIX_EPOCH + since))
    }

    /// A claim of type `T`. One of another type is an error, never absent; so is `null`.
    fn read<T: DeserializeOwned>(
        &self,
        name: &str,
        wrong_type: &'static str,
    ) -> Result<Option<T>, Unverified> {
        let decoded = self
            .get(name)
            .map(|text| decode(text).ok_or(invalid(wrong_type)));
        decoded.transpose()
    }

    fn get(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|&(_, text)| text)
    }
}

fn decode<T: DeserializeOwned>(text: &str) -> Option<T> {
    Json::from_text(text.to_owned()).decode().ok()
}

/// A sum that cannot overflow: without an end, there is none.
fn later(time: SystemTime, by: Duration) -> SystemTime {
    time.checked_add(by).unwrap_or(time)
}

fn invalid(reason: &'static str) -> Unverified {
    Unverified::Invalid(reason.into())
}
