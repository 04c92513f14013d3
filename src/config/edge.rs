//! The configuration of the binary.

use super::edge_limits::EdgeLimits;
use super::tls::TlsConfig;
use super::tokens::TokensConfig;
use super::values::{Listen, StartPage};
use super::websocket::WebSocketConfig;
use crate::auth::{AccessRules, ApiKey, Grants};
use crate::history::HistoryLimits;
use crate::hub::{TopicOptions, TopicRules};
use crate::protocol::TopicKind;
use crate::wire::{AllowedHosts, AllowedOrigins, InvalidOrigin};

/// Configuration of the binary: that of the server, and of what surrounds it.
#[derive(Debug, Clone)]
pub(crate) struct EdgeConfig {
    /// Where to listen.
    pub(crate) listen: Listen,
    /// Where the API is instead, if it has an address of its own.
    pub(crate) internal: Option<Listen>,
    /// The keys of the API. Without any, only programs on this machine may call it.
    pub(crate) api_keys: Vec<ApiKey>,
    /// Whether to serve the start page.
    pub(crate) start_page: StartPage,
    /// Web origins whose pages may connect, beside those of the server's own host.
    pub(crate) origins: Vec<String>,
    /// Web origins that may call the HTTP API from a browser, as browsers send them.
    pub(crate) cors_origins: Vec<String>,
    /// Which logs to write: a level or a filter.
    pub(crate) log: String,
    /// The file that carries histories across a restart; empty for none.
    pub(crate) history_file: String,
    /// Where revocations outlive a restart; empty for nowhere.
    pub(crate) revocations_file: String,
    /// TLS of the public listener.
    pub(crate) tls: TlsConfig,
    /// How clients authenticate with tokens; `None` if there is no key to verify any.
    pub(crate) tokens: Option<TokensConfig>,
    /// The settings of `[tokens]`, without keys: `tokens` is made of them last.
    pub(super) token_settings: TokensConfig,
    /// The settings of `[limits]`, from which those of the server are made last.
    pub(crate) limits: EdgeLimits,
    /// The proxies whose word about addresses is believed, as they are written.
    pub(super) trusted_proxies: Vec<String>,
    /// The history of rooms and channels without a rule of their own.
    pub(super) history: HistoryDefaults,
    /// Who may do what, as the rules for channels and rooms say.
    pub(crate) access: AccessRules,
    /// What a client without a token may do. `None`: `[anonymous]` is not there.
    pub(crate) anonymous: Option<Grants>,
    /// The server. Its `topics` are set last, from `history` and the rules.
    pub(crate) server: WebSocketConfig,
}

impl EdgeConfig {
    /// Whether to serve the start page, which lets everyone who can open it read and publish. Once it
    /// is said who may call the API, it is a tool of development only.
    pub(crate) fn has_start_page(&self) -> bool {
        let dev = self.server.trust_user_parameter;
        let is_safe = dev || self.internal.unwrap_or(self.listen).is_loopback();
        let is_configured = !self.api_keys.is_empty() || self.tokens.is_some();
        (dev || !is_configured) && self.start_page.is_on(is_safe)
    }

    /// Whether nothing says who may connect: neither `[tokens]` nor `[anonymous]` is there. Then
    /// everybody may do everything, except that clients publish to no channel.
    pub(crate) fn is_open(&self) -> bool {
        self.tokens.is_none() && self.anonymous.is_none()
    }

    /// Why the server must not start: others can reach it, and nothing says who may connect.
    pub(crate) fn exposure(&self) -> Option<String> {
        let is_private = self.server.trust_user_parameter || self.listen.is_loopback();
        (self.is_open() && !is_private).then(|| {
            format!(
                "{} can be reached by others and nothing says who may connect: configure [tokens] \
                 or [anonymous], or use --dev to try things",
                self.listen
            )
        })
    }

    /// Which web pages may connect. Where nothing says who may, a page also needs a `Host` that it
    /// cannot choose.
    pub(crate) fn allowed_origins(&self) -> Result<AllowedOrigins, InvalidOrigin> {
        let allowed = AllowedOrigins::new(self.origins.iter().map(String::as_str))?;
        let dev = self.server.trust_user_parameter;
        let allowed = match (self.is_open(), dev) {
            (false, _) => allowed,
            (true, false) => allowed.on_hosts(AllowedHosts::Loopback),
            (true, true) => allowed.on_hosts(AllowedHosts::LoopbackOrAddress),
        };
        Ok(if dev {
            allowed.with_loopback()
        } else {
            allowed
        })
    }
}

/// How much history a room or channel keeps, unless a rule says otherwise.
#[derive(Debug, Clone)]
pub(super) struct HistoryDefaults {
    /// Maximum number of publications, of rooms too; 0 for no history. `None` if it was not given:
    /// then channels keep a history, and rooms, which clients fill, keep none.
    pub(super) messages: Option<usize>,
    /// The limits of each history. A rule that turns a history on inherits those that it does
    /// not name.
    pub(super) limits: HistoryLimits,
}

impl HistoryDefaults {
    /// The limits of a history that a rule turns on without naming any.
    pub(super) fn when_on(&self) -> HistoryLimits {
        HistoryLimits {
            max_messages: match self.messages {
                None | Some(0) => self.limits.max_messages,
                Some(messages) => messages,
            },
            ..self.limits
        }
    }

    /// Whether any room or channel without a rule keeps a history.
    pub(super) fn is_on(&self) -> bool {
        self.messages != Some(0)
    }

    /// The options of a room or channel without a rule.
    pub(super) fn fallback(&self, kind: TopicKind) -> TopicOptions {
        let is_kept = match self.messages {
            None => kind == TopicKind::Channel,
            Some(messages) => messages > 0,
        };
        TopicOptions {
            history: is_kept.then(|| self.when_on()),
            ..TopicOptions::default()
        }
    }

    /// The rules before those of the file.
    pub(super) fn rules(&self) -> TopicRules {
        let [channels, rooms] =
            [TopicKind::Channel, TopicKind::Room].map(|kind| self.fallback(kind));
        TopicRules::by_kind(channels, rooms)
    }
}

impl Default for EdgeConfig {
    fn default() -> Self {
        let history = HistoryDefaults {
            messages: None,
            limits: HistoryLimits::default(),
        };
        Self {
            listen: Listen::Address(([127, 0, 0, 1], 3000).into()),
            internal: None,
            api_keys: Vec::new(),
            start_page: StartPage::Auto,
            origins: Vec::new(),
            cors_origins: Vec::new(),
            log: "info".to_owned(),
            history_file: String::new(),
            revocations_file: String::new(),
            access: AccessRules::default(),
            anonymous: None,
            tls: TlsConfig::default(),
            tokens: None,
            token_settings: TokensConfig::default(),
            limits: EdgeLimits::default(),
            trusted_proxies: Vec::new(),
            server: WebSocketConfig {
                topics: history.rules(),
                ..WebSocketConfig::default()
            },
            history,
        }
    }
}
