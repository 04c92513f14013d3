//! Configuration: that of the library, and the table of settings from which the binary's
//! flags, environment variables and file are made.

#[cfg(feature = "cli")]
mod edge;
#[cfg(feature = "cli")]
mod edge_limits;
mod error;
mod groups;
mod memory;
#[cfg(feature = "cli")]
mod setting;
#[cfg(feature = "cli")]
mod settings;
#[cfg(feature = "cli")]
mod sources;
#[cfg(feature = "cli")]
mod tls;
#[cfg(feature = "cli")]
mod tokens;
mod validate;
#[cfg(feature = "cli")]
mod values;
mod websocket;

#[cfg(feature = "cli")]
pub(crate) use edge::EdgeConfig;
pub use error::{ConfigError, Relation};
pub use groups::{
    ConnectionsConfig, DrainConfig, EngineConfig, HistoryConfig, LimitsConfig, OutboxConfig,
    PublishConfig,
};
#[cfg(feature = "cli")]
pub(crate) use setting::Setting;
#[cfg(feature = "cli")]
pub(crate) use settings::SETTINGS;
#[cfg(feature = "cli")]
pub(crate) use sources::{Flags, Given, Loaded, Origin, Problem, report, without_newline};
#[cfg(feature = "cli")]
pub(crate) use tls::TlsConfig;
#[cfg(feature = "cli")]
pub(crate) use tokens::TokensConfig;
#[cfg(feature = "cli")]
pub(crate) use values::{Kind, Listen, Raw, Value, is_contents};
pub use websocket::WebSocketConfig;
