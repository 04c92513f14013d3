//! The authority: the policy that a configuration of tokens and rules describes.

mod key_fetcher;
mod key_request;
mod key_url;
mod policy;

pub use key_fetcher::KeyFetcher;
pub use key_url::KeyUrl;
pub(crate) use policy::{Access, Authority, Tokens};
