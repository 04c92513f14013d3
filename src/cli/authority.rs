//! The policy that the configuration describes.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::authority::{Access, Authority, KeyFetcher, Tokens};
use crate::config::EdgeConfig;
use crate::node::policy::{Policy, TokenOptions};

/// The policy, if the configuration says anything about who may do what. Key sets are fetched on
/// `tasks` until `stop`.
pub(super) fn policy(
    config: &mut EdgeConfig,
    tasks: &TaskTracker,
    stop: &CancellationToken,
) -> Result<Option<Arc<dyn Policy>>, String> {
    let tokens = config.tokens.take().map(|tokens| {
        let options = TokenOptions {
            auth_timeout: tokens.auth_timeout,
            allow_query: tokens.allow_query,
            expiry_warning: tokens.expiry_warning,
            leeway: tokens.options.leeway,
            max_lifetime: tokens.options.max_lifetime,
            max_waiting: match config.limits.waiting_for_auth {
                0 => usize::MAX,
                max => max,
            },
        };
        let keys = KeyFetcher::spawn(Arc::new(tokens.verifier()), tasks, stop);
        let keys = keys.map_err(|error| format!("cannot fetch key sets: {error}"))?;
        Ok::<_, String>(Tokens { keys, options })
    });
    let access = Access {
        rules: std::mem::take(&mut config.access),
        anonymous: config.anonymous.take(),
    };
    let tokens = tokens.transpose()?;
    if tokens.is_none() && access.is_open() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Authority::new(access, tokens))))
}
