//! The flags about who the sockets are.

use crate::base::tokens::{Signer, Tokens};
use crate::scenes::options::Timing;
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// The flags about who the sockets are.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Identity")]
pub(crate) struct IdentityFlags {
    /// Shell command that prints a token, run once for each socket before the run; {user} in it is the socket's user, lt-0,
    /// lt-1 and so on. The token must allow lt.*.
    #[arg(long, env = "LOADTEST_TOKEN_COMMAND", value_name = "COMMAND", conflicts_with_all = ["token", "token_secret_file"])]
    pub(crate) token_command: Option<String>,
    /// File with the secret of an HS256 key of the server: each socket gets a token of its own user, signed here.
    #[arg(
        long,
        env = "LOADTEST_TOKEN_SECRET_FILE",
        value_name = "FILE",
        conflicts_with = "token"
    )]
    pub(crate) token_secret_file: Option<PathBuf>,
    /// Key for the HTTP API of the server.
    #[arg(
        long,
        env = "LOADTEST_API_KEY",
        value_name = "KEY",
        hide_env_values = true
    )]
    pub(crate) api_key: Option<String>,
    /// How long tokens live that are to expire, in the scenario auth.
    #[arg(long, env = "LOADTEST_TOKEN_LIFE", value_name = "TIME", default_value = "8s", value_parser = humantime::parse_duration)]
    pub(crate) token_life: Duration,
    /// The server's tokens.leeway.
    #[arg(long, env = "LOADTEST_LEEWAY", value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    pub(crate) leeway: Duration,
    /// The server's `tokens.expiry_warning`. If tokens live longer than one and a half times that, the warnings must be spread.
    #[arg(long, env = "LOADTEST_EXPIRY_WARNING", value_name = "TIME", default_value = "60s", value_parser = humantime::parse_duration)]
    pub(crate) expiry_warning: Duration,
    /// The linger of the server's rule for presence.
    #[arg(long, env = "LOADTEST_LINGER", value_name = "TIME", default_value = "5s", value_parser = humantime::parse_duration)]
    pub(crate) linger: Duration,
    /// The interval of the server's rule for presence.
    #[arg(long, env = "LOADTEST_PRESENCE_INTERVAL", value_name = "TIME", default_value = "500ms", value_parser = humantime::parse_duration)]
    pub(crate) presence_interval: Duration,
}

impl IdentityFlags {
    /// The tokens of so many sockets.
    ///
    /// # Errors
    /// The secret cannot be read or used, or the command fails.
    pub(crate) fn tokens(&self, sockets: u32) -> Result<Tokens, String> {
        if let Some(command) = &self.token_command {
            return Tokens::from_command(command, sockets);
        }
        let Some(path) = &self.token_secret_file else {
            return Ok(Tokens::None);
        };
        let failed = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let bytes = std::fs::read(path).map_err(|error| failed(&error))?;
        // As the server reads it.
        let secret = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let signer = Signer::new(secret).map_err(|error| failed(&error))?;
        Ok(Tokens::Signed(signer))
    }

    /// What they say about the server's configuration.
    pub(crate) fn timing(&self) -> Timing {
        Timing {
            leeway: self.leeway,
            token_life: self.token_life,
            linger: self.linger,
            interval: self.presence_interval,
        }
    }

    /// How far apart the warnings must be, in seconds, if tokens live long enough for that: half of the time over which the
    /// server spreads them, less what is lost because it warns those of one second together.
    pub(crate) fn least_spread(&self) -> Option<f64> {
        let is_long = self.token_life > self.expiry_warning * 3 / 2;
        let spread = self.expiry_warning.as_secs_f64() / 4.0 - 1.5;
        (is_long && spread > 0.0).then_some(spread)
    }
}
