//! What an admitted request may publish.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::auth::{KnownKey, Limited};
use crate::http::problem::ApiError;
use crate::protocol::{ChannelName, ErrorCode, PublishRequest, Refusal, Target};

/// Who publishes, as far as the API knows: the key of the request. Without one, everything may be
/// published.
#[derive(Debug, Clone)]
pub(in crate::http) struct Publisher {
    key: Option<Arc<KnownKey>>,
}

/// A key has published more than its rate allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::http) struct RateLimited {
    refusal: Refusal,
    retry_after: Duration,
}

impl Publisher {
    /// Whoever may publish everything.
    pub(super) fn unlimited() -> Self {
        Self { key: None }
    }

    pub(super) fn with_key(key: Arc<KnownKey>) -> Self {
        Self { key: Some(key) }
    }

    /// Checks an event's channels. One outside of the key's scopes refuses it.
    pub(in crate::http) fn may_publish(&self, event: &PublishRequest) -> Result<(), Refusal> {
        if let Some(key) = &self.key
            && !key.scopes().may_publish_everywhere()
        {
            match &event.target {
                Target::Channels(channels) => {
                    channels.iter().try_for_each(|channel| check(key, channel))
                }
                Target::User(user) => check(key, &ChannelName::of_user(user)),
                Target::Everyone => check(key, &ChannelName::all()),
            }?;
        }
        Ok(())
    }

    /// Counts the publications of events that are about to be published. If they are too many, none
    /// is counted.
    pub(in crate::http) fn charge(&self, events: &[PublishRequest]) -> Result<(), RateLimited> {
        if let Some(key) = &self.key {
            let count = events.iter().map(|event| publications(&event.target)).sum();
            let charged = key.charge(count, Instant::now());
            return charged.map_err(|limited| too_many(key, count, limited));
        }
        Ok(())
    }

    /// Checks an event, and counts it.
    pub(in crate::http) fn admit(&self, event: &PublishRequest) -> Result<(), ApiError> {
        self.may_publish(event)?;
        Ok(self.charge(std::slice::from_ref(event))?)
    }

    /// The same for one of many events, each of which is answered. A key may end meanwhile.
    pub(in crate::http) fn admit_line(&self, event: &PublishRequest) -> Result<(), Refusal> {
        if let Some(key) = &self.key
            && key.has_expired(SystemTime::now())
        {
            let detail = format!("the API key `{}` has expired", key.id());
            return Err(Refusal::new(ErrorCode::Unauthenticated).with_detail(detail));
        }
        self.may_publish(event)?;
        Ok(self.charge(std::slice::from_ref(event))?)
    }
}

impl From<RateLimited> for Refusal {
    fn from(limited: RateLimited) -> Self {
        limited.refusal
    }
}

impl From<RateLimited> for ApiError {
    fn from(limited: RateLimited) -> Self {
        Self::from(limited.refusal).with_retry_after(limited.retry_after)
    }
}

fn check(key: &KnownKey, channel: &ChannelName) -> Result<(), Refusal> {
    if key.scopes().may_publish_to(channel.as_str()) {
        return Ok(());
    }
    let detail = format!("the API key `{}` may not publish to `{channel}`", key.id());
    Err(Refusal::new(ErrorCode::Forbidden).with_detail(detail))
}

/// The number of publications that an event is.
fn publications(target: &Target) -> usize {
    match target {
        Target::Channels(channels) => channels.len(),
        Target::User(_) | Target::Everyone => 1,
    }
}

fn too_many(key: &KnownKey, count: usize, limited: Limited) -> RateLimited {
    let id = key.id();
    let (detail, retry_after) = match limited {
        Limited::For(rate, time) => {
            let detail = format!("the API key `{id}` may publish at a rate of {rate}");
            (detail, time)
        }
        Limited::Always(rate, burst) => {
            let detail = format!(
                "at its rate of {rate}, the API key `{id}` may publish {burst} events at once, and these are {count}; send fewer together"
            );
            (detail, Duration::from_secs(1))
        }
    };
    RateLimited {
        refusal: Refusal::new(ErrorCode::RateLimited).with_detail(detail),
        retry_after,
    }
}
