//! Origins that are listed.

use super::web_origin::WebOrigin;
use crate::wire::Authority;
use crate::wire::authority::Host;

const WILDCARD: &str = "*.";

/// An entry of a list of origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum OriginPattern {
    /// `*`
    Any,
    /// `null`
    Null,
    Exactly(WebOrigin),
    /// `https://*.app.example`: what stands for `*` is one or more whole labels.
    Under(WebOrigin),
}

impl OriginPattern {
    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "*" => return Some(Self::Any),
            "null" => return Some(Self::Null),
            _ => {}
        }
        let (scheme, authority) = text.split_once("://")?;
        let Some(parent) = authority.strip_prefix(WILDCARD) else {
            return WebOrigin::parse(text).map(Self::Exactly);
        };
        let parent = Authority::parse(parent).filter(|parent| !parent.is_address())?;
        WebOrigin::new(scheme, parent).map(Self::Under)
    }

    /// Whether the value of an `Origin` header is this origin, or one of these.
    pub(super) fn matches(&self, origin: &str) -> bool {
        let parsed = || WebOrigin::parse(origin);
        match self {
            Self::Any => origin != "null",
            Self::Null => origin == "null",
            Self::Exactly(listed) => parsed().is_some_and(|origin| origin == *listed),
            Self::Under(parent) => parsed().is_some_and(|origin| is_under(&origin, parent)),
        }
    }
}

fn is_under(origin: &WebOrigin, parent: &WebOrigin) -> bool {
    let (Host::Name(name), Host::Name(parent_name)) =
        (&origin.authority.host, &parent.authority.host)
    else {
        return false;
    };
    let labels = name.strip_suffix(parent_name.as_str());
    let labels = labels.and_then(|labels| labels.strip_suffix('.'));
    origin.scheme == parent.scheme
        && origin.authority.port == parent.authority.port
        && labels.is_some_and(|labels| labels.split('.').all(|label| !label.is_empty()))
}
