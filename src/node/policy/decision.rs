//! The answers of a policy.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::protocol::{
    EventData, EventName, Identity, Json, JsonError, Refusal, ResumeRequest, Resumption,
};

/// A policy's answer to one question, at once or later. Answering at once allocates nothing.
///
/// `T` is the part of the request that the policy may change.
///
/// ```
/// use wavecast::policy::{Allowed, Decision, ErrorCode, Terms};
///
/// # async fn is_paid(_user: &str) -> bool { true }
/// fn paying(user: &str) -> Decision<'_, Terms> {
///     if user == "root" {
///         return Decision::allow();
///     }
///     Decision::later(async move {
///         if is_paid(user).await {
///             Ok(Allowed::AsAsked)
///         } else {
///             Err(ErrorCode::Forbidden.into())
///         }
///     })
/// }
/// # drop(paying("ada"));
/// ```
pub enum Decision<'a, T> {
    /// The answer.
    Now(Answer<T>),
    /// A future that completes with the answer. It is dropped unfinished at its deadline, and
    /// when the server closes the client's connection first. A peer that goes away is noticed
    /// only after the decision, since nothing is read from it until then.
    Later(Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>),
}

/// Allowed, perhaps with a change, or refused.
pub type Answer<T> = Result<Allowed<T>, Refusal>;

/// What a policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed<T> {
    /// What was asked for, unchanged.
    AsAsked,
    /// This, instead of what was asked for.
    Changed(T),
}

impl<'a, T> Decision<'a, T> {
    /// Allows what was asked for.
    pub fn allow() -> Self {
        Self::Now(Ok(Allowed::AsAsked))
    }

    /// Allows this instead of what was asked for.
    pub fn change(to: T) -> Self {
        Self::Now(Ok(Allowed::Changed(to)))
    }

    /// Refuses with a code, as in `Decision::refuse(ErrorCode::Forbidden)`. A [`Refusal`] can
    /// add a detail, which backends and event streams get in the HTTP answer.
    pub fn refuse(refusal: impl Into<Refusal>) -> Self {
        Self::Now(Err(refusal.into()))
    }

    /// Answers when the future completes. The client's next command waits for it, at most for
    /// `policy_timeout`.
    pub fn later(answer: impl Future<Output = Answer<T>> + Send + 'a) -> Self {
        Self::Later(Box::pin(answer))
    }

    /// The same answer without its change.
    pub(super) fn without_change<U>(self) -> Decision<'a, U>
    where
        T: 'a,
    {
        let without = |answer: Answer<T>| answer.map(|_| Allowed::AsAsked);
        match self {
            Self::Now(answer) => Decision::Now(without(answer)),
            Self::Later(answer) => Decision::later(async move { without(answer.await) }),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Decision<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Now(answer) => f.debug_tuple("Now").field(answer).finish(),
            Self::Later(_) => f.write_str("Later"),
        }
    }
}

/// The terms on which a client joins a room or subscribes to a channel. Default: what the
/// client asked for.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    resume_is_dropped: bool,
    granted_by: Option<Arc<Identity>>,
}

impl Terms {
    /// Drops the resume request: `since` and `last` are answered as if the topic kept no history
    /// (`"recovered":false,"reason":"no_history"`). Live delivery works as usual.
    #[must_use]
    pub fn without_resume(mut self) -> Self {
        self.resume_is_dropped = true;
        self
    }

    /// The subscription is granted by a token for this channel alone. Until that expires, whatever the
    /// client asks about this channel is asked with this identity; then the subscription ends.
    #[must_use]
    pub fn granted_by(mut self, identity: Identity) -> Self {
        self.granted_by = Some(Arc::new(identity));
        self
    }

    /// The identity that grants the subscription, if it is not the client's own.
    pub(in crate::node) fn identity(&self) -> Option<&Arc<Identity>> {
        self.granted_by.as_ref()
    }

    /// The resume request to carry out, or else the answer to one that was dropped.
    pub(in crate::node) fn apply(
        self,
        resume: Option<&ResumeRequest>,
    ) -> (Option<&ResumeRequest>, Option<Resumption>) {
        if self.resume_is_dropped {
            (None, resume.map(Resumption::without_right))
        } else {
            (resume, None)
        }
    }
}

/// A change to a publication. What is not set stays as the publisher sent it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Edit {
    pub(in crate::node) name: Option<EventName>,
    pub(in crate::node) data: Option<EventData>,
}

impl Edit {
    /// Replaces the event's name.
    #[must_use]
    pub fn with_name(mut self, name: EventName) -> Self {
        self.name = Some(name);
        self
    }

    /// Replaces the payload; the same rules apply as to a published one.
    ///
    /// Errors: only for text that is not JSON.
    pub fn with_data(mut self, data: &Json) -> Result<Self, JsonError> {
        self.data = Some(EventData::parse(data.as_str())?);
        Ok(self)
    }
}
