//! The identity of a client.

use std::any::Any;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Json, UserId};

/// Who a client is, according to the application or to a verified token. It is only data: an
/// identity alone grants nothing.
///
/// The application's middleware puts one into a request's extensions, where the server's handlers
/// read it. An identity without a user can still carry a value.
///
/// Memory: 88 bytes per connection, plus what it refers to. Clones share `info`, `meta` and the
/// application's value.
///
/// ```
/// use wavecast::{Identity, UserId};
///
/// struct Plan { seats: u32 }
///
/// let ada = Identity::new(UserId::new("ada")?).with_value(Plan { seats: 5 });
/// assert_eq!(ada.user().map(UserId::as_str), Some("ada"));
/// assert_eq!(ada.value::<Plan>().map(|plan| plan.seats), Some(5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default)]
pub struct Identity {
    user: Option<UserId>,
    value: Option<Arc<dyn Any + Send + Sync>>,
    token_id: Option<Arc<str>>,
    /// Unix time in whole seconds, like `expires`: 8 bytes instead of 16.
    issued: Option<NonZeroU64>,
    expires: Option<NonZeroU64>,
    /// Allocated separately, because few identities have any.
    details: Option<Arc<Details>>,
}

#[derive(Clone, Default)]
struct Details {
    info: Option<Json>,
    meta: Option<Json>,
}

impl Identity {
    /// The identity of a user. All connections of a user receive `$user:<id>`.
    pub fn new(user: UserId) -> Self {
        Self {
            user: Some(user),
            ..Self::default()
        }
    }

    /// An identity without a user, to which a value or details can be added.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// Adds data about the user that other clients may see, such as a display name: those that
    /// may know who is present.
    #[must_use]
    pub fn with_info(mut self, info: Json) -> Self {
        self.details_mut().info = Some(info);
        self
    }

    /// Adds data that operators may see and other clients may not.
    #[must_use]
    pub fn with_meta(mut self, meta: Json) -> Self {
        self.details_mut().meta = Some(meta);
        self
    }

    /// Adds the id of the token that the identity comes from (`jti`).
    #[must_use]
    pub fn with_token_id(mut self, id: &str) -> Self {
        self.token_id = Some(id.into());
        self
    }

    /// Adds the time at which the identity was established, with a precision of a second.
    #[must_use]
    pub fn with_issued(mut self, at: SystemTime) -> Self {
        self.issued = Some(unix_seconds(at));
        self
    }

    /// Adds the time until which the identity is valid, with a precision of a second. The
    /// client is warned before, and closed then (4003), unless it authenticates again.
    #[must_use]
    pub fn with_expires(mut self, at: SystemTime) -> Self {
        self.expires = Some(unix_seconds(at));
        self
    }

    /// Adds a value for the application's own use. Its policy reads it by type. It is never
    /// printed or sent. An identity holds one value; a second one replaces it.
    #[must_use]
    pub fn with_value<T: Any + Send + Sync>(self, value: T) -> Self {
        self.with_shared_value(Arc::new(value))
    }

    /// Adds a value that other identities share.
    #[must_use]
    pub fn with_shared_value<T: Any + Send + Sync>(mut self, value: Arc<T>) -> Self {
        self.value = Some(value);
        self
    }

    /// The user, if there is one.
    pub fn user(&self) -> Option<&UserId> {
        self.user.as_ref()
    }

    /// Data about the user that other clients may see.
    pub fn info(&self) -> Option<&Json> {
        self.details.as_ref()?.info.as_ref()
    }

    /// Data that operators may see and other clients may not.
    pub fn meta(&self) -> Option<&Json> {
        self.details.as_ref()?.meta.as_ref()
    }

    /// The id of the token that the identity comes from.
    pub fn token_id(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// The time at which the identity was established, with a precision of a second.
    pub fn issued(&self) -> Option<SystemTime> {
        self.issued.map(system_time)
    }

    /// The time until which the identity is valid, with a precision of a second.
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires.map(system_time)
    }

    /// The application's value. `None` if there is none, or if it has another type.
    pub fn value<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.value.as_ref()?.downcast_ref()
    }

    fn details_mut(&mut self) -> &mut Details {
        Arc::make_mut(self.details.get_or_insert_default())
    }
}

/// Prints the user and the token id. The application's value, `info` and `meta` may hold data
/// that does not belong in a log, so only their presence is printed.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hidden = |present: bool| present.then_some(format_args!("***"));
        f.debug_struct("Identity")
            .field("user", &self.user())
            .field("token_id", &self.token_id())
            .field("issued", &self.issued())
            .field("expires", &self.expires())
            .field("info", &hidden(self.info().is_some()))
            .field("meta", &hidden(self.meta().is_some()))
            .field("value", &hidden(self.value.is_some()))
            .finish_non_exhaustive()
    }
}

/// A time before 1970 counts as the first second.
fn unix_seconds(at: SystemTime) -> NonZeroU64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    NonZeroU64::new(since.map_or(0, |since| since.as_secs())).unwrap_or(NonZeroU64::MIN)
}

fn system_time(seconds: NonZeroU64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds.get())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ada() -> Identity {
        Identity::new(UserId::new("ada").unwrap())
    }

    #[test]
    fn a_value_is_returned_only_for_its_type() {
        let identity = ada().with_value(7_u32);
        assert_eq!(identity.value::<u32>(), Some(&7));
        assert_eq!(identity.value::<u64>(), None);
        assert_eq!(ada().value::<u32>(), None);
        let replaced = identity.with_value("text");
        assert_eq!(replaced.value::<u32>(), None);
        assert_eq!(replaced.value::<&str>(), Some(&"text"));
    }

    #[test]
    fn a_clone_keeps_its_own_details() {
        let first = ada().with_info(Json::from("Ada"));
        let second = first.clone().with_meta(Json::from("pro"));
        assert_eq!((first.meta(), second.info()), (None, first.info()));
        assert_eq!(second.meta(), Some(&Json::from("pro")));
    }

    #[test]
    fn times_are_kept_to_the_second() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_millis(1_767_225_600_999);
        let second = SystemTime::UNIX_EPOCH + Duration::from_secs(1_767_225_600);
        let identity = ada().with_issued(at).with_expires(at);
        assert_eq!(identity.issued(), Some(second));
        assert_eq!(identity.expires(), Some(second));
        assert_eq!((ada().issued(), ada().expires()), (None, None));
    }

    #[test]
    fn debug_output_names_the_user_and_hides_the_rest() {
        let identity = ada()
            .with_token_id("7c1d")
            .with_info(Json::from("private"))
            .with_meta(Json::from("private"))
            .with_value("private");
        let text = format!("{identity:?}");
        assert!(
            text.contains("\"ada\"") && text.contains("\"7c1d\""),
            "{text}"
        );
        assert!(text.contains("value: Some(***)"), "{text}");
        assert!(!text.contains("private"), "{text}");
    }

    #[test]
    fn an_identity_is_small() {
        // With the two counts of its Arc: 88 bytes.
        assert_eq!(size_of::<Identity>(), 72);
    }
}
