//! Wavecast pushes events to very many clients over WebSocket and server-sent events, in order,
//! and tells a client if it missed anything. This crate mounts it in an [axum](https://docs.rs/axum)
//! application: clients subscribe to **channels**, to which the application publishes, and talk to
//! each other in **rooms**.
//!
//! # Example
//!
//! Clients connect to `ws://127.0.0.1:3000/ws` and send `{"type":"subscribe","channel":"orders"}`.
//! Whenever an order is posted, they all receive it.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use axum::extract::State;
//! use axum::routing::{get, post};
//! use axum::{Json, Router};
//! use wavecast::{PublishError, Published, WebSocketConfig, WebSocketServer, sse_handler, ws_handler};
//!
//! /// Both the result and the error are axum responses.
//! async fn create_order(
//!     State(live): State<Arc<WebSocketServer>>,
//!     Json(order): Json<serde_json::Value>,
//! ) -> Result<Published, PublishError> {
//!     live.event("orders").name("order.created").data(&order).send().await
//! }
//!
//! #[tokio::main]
//! async fn main() -> std::io::Result<()> {
//!     let live = Arc::new(WebSocketServer::new(WebSocketConfig {
//!         max_clients_per_room: 500,
//!         ..WebSocketConfig::default()
//!     }));
//!     let app = Router::new()
//!         .route("/ws", get(ws_handler))
//!         .route("/sse", get(sse_handler))
//!         .route("/orders", post(create_order))
//!         .with_state(live.clone());
//!     let listener = wavecast::listen(([127, 0, 0, 1], 3000).into())?;
//!     let shutdown = async { tokio::signal::ctrl_c().await.expect("a signal handler") };
//!     live.serve(listener, app, shutdown).await;
//!     Ok(())
//! }
//! ```
//!
//! # What to use
//!
//! | to | use |
//! |---|---|
//! | start a server | [`WebSocketServer::new`], [`WebSocketConfig`] |
//! | let clients connect | [`ws_handler`], [`sse_handler`]; [`WebSocketServer::handle_connection`] for any other stream |
//! | say who connects | an [`Identity`] in the request's extensions, from a middleware; or [`WebSocketServer::upgrade`] and [`event_stream`](WebSocketServer::event_stream) in a handler of your own |
//! | say which web pages may connect | [`AllowedOrigins`] in [`WebSocketConfig::origins`], and [`CheckedOrigin`] in handlers of your own |
//! | decide what clients may do | a [`Policy`], given to [`WebSocketServer::builder`] |
//! | be told what clients do | an [`Observer`], given to [`WebSocketServer::builder`] |
//! | mount the whole server, with its HTTP API, health and start page | [`WebSocketServer::router`] |
//! | publish an event | [`WebSocketServer::event`], [`publish`](WebSocketServer::publish) for short |
//! | reach one user, or everyone | [`WebSocketServer::event_for_user`], [`event_for_everyone`](WebSocketServer::event_for_everyone) |
//! | retry without delivering an event twice | [`EventBuilder::id`] |
//! | send a message to a room | [`WebSocketServer::broadcast_to_room`] |
//! | change who is in a room | [`WebSocketServer::join_room`], [`leave_room`](WebSocketServer::leave_room) |
//! | send to one client, or close its connection | [`ClientHandle`], from [`WebSocketServer::client`] |
//! | keep a history, so that clients recover what they missed | [`TopicRules`], [`HistoryLimits`] |
//! | keep histories over a restart | [`WebSocketServer::restore_histories`], [`drain_and_save`](WebSocketServer::drain_and_save) |
//! | know who is present | [`TopicOptions::presence`], [`PresenceOptions`] |
//! | read a history | [`WebSocketServer::channel_history`], [`room_history`](WebSocketServer::room_history) |
//! | choose what happens to slow clients | [`Overflow`] |
//! | see who is connected, and to what | [`WebSocketServer::clients`], [`channels`](WebSocketServer::channels), [`rooms`](WebSocketServer::rooms) |
//! | build or read messages of the protocol | [`ServerMessage`], [`ClientMessage`], [`messages`] |
//! | answer a load balancer's health check | [`WebSocketServer::health`] |
//! | serve, and shut down without losing events | [`WebSocketServer::serve`]; [`drain`](WebSocketServer::drain) with an HTTP server of your own |
//!
//! # Errors
//!
//! Each operation has its own error enum, with a variant per cause. `code()` is stable, and the
//! same as in the WebSocket and HTTP protocols ([`ErrorCode`]). Every error is also an axum
//! response: problem details (RFC 9457), as in the HTTP API.
//!
//! # Cargo features
//!
//! | feature | default | adds |
//! |---|---|---|
//! | `auth` | with `cli` | Tokens and rights, so far only in the binary. Building it needs a C compiler |
//! | `cli` | yes | The `wavecast` binary: command line, configuration file, logs. Turn it off in an application: `wavecast = { version = "0.1", default-features = false }` |
//! | `auth` | with `cli` | What the binary needs to check API keys; it needs a C compiler |
//! | `jemalloc` | yes | The allocator of the `wavecast` binary, on Linux with glibc. The library never uses or links it. Building it needs a C compiler and `make`; `default-features = false` turns it off too |
//! | `tls` | with `cli` | TLS for the listeners of the binary. An application that has its own passes each stream as [`Stream::other`]. Building it needs a C compiler |
//! | `internals` | no | The engine's modules, for this project's own tests and benchmarks. **Not covered by semantic versioning** |
//!
//! # Versions
//!
//! Wavecast follows semantic versioning; while it is 0.x, a new minor version may contain breaking
//! changes. The wire protocol and the error codes are stable across all versions. Wavecast needs
//! Rust 1.89, axum 0.8 and Tokio 1. A newer minimum requires a new minor version.

// The macros panic if their output is closed; the module `cli/print` does not.
#![deny(clippy::print_stdout, clippy::print_stderr)]
// In the private engine, `pub` means: visible to the floors above.
#![cfg_attr(not(feature = "internals"), allow(unreachable_pub))]

mod checked_origin;
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod cli;
mod error;
mod handlers;
mod handles;
mod server;
mod server_builder;
#[cfg(feature = "cli")]
mod telemetry;

// The engine: public for this project's own tests and benchmarks only.
#[cfg(all(feature = "auth", not(feature = "internals")))]
mod auth;
#[cfg(all(feature = "auth", feature = "internals"))]
pub mod auth;
#[cfg(all(feature = "auth", not(feature = "internals")))]
mod authority;
#[cfg(all(feature = "auth", feature = "internals"))]
pub mod authority;
#[cfg(not(feature = "internals"))]
mod config;
#[cfg(feature = "internals")]
pub mod config;
#[cfg(not(feature = "internals"))]
mod dialect;
#[cfg(feature = "internals")]
pub mod dialect;
#[cfg(not(feature = "internals"))]
mod history;
#[cfg(feature = "internals")]
pub mod history;
#[cfg(not(feature = "internals"))]
mod http;
#[cfg(feature = "internals")]
pub mod http;
#[cfg(not(feature = "internals"))]
mod hub;
#[cfg(feature = "internals")]
pub mod hub;
#[cfg(not(feature = "internals"))]
mod limits;
#[cfg(feature = "internals")]
pub mod limits;
#[cfg(not(feature = "internals"))]
mod node;
#[cfg(feature = "internals")]
pub mod node;
#[cfg(not(feature = "internals"))]
mod presence;
#[cfg(feature = "internals")]
pub mod presence;
#[cfg(not(feature = "internals"))]
mod protocol;
#[cfg(feature = "internals")]
pub mod protocol;
#[cfg(not(feature = "internals"))]
mod session;
#[cfg(feature = "internals")]
pub mod session;
#[cfg(not(feature = "internals"))]
mod transport;
#[cfg(feature = "internals")]
pub mod transport;
#[cfg(not(feature = "internals"))]
mod wire;
#[cfg(feature = "internals")]
pub mod wire;

pub use self::checked_origin::CheckedOrigin;
pub use self::config::{
    ConfigError, ConnectionsConfig, DrainConfig, EngineConfig, HistoryConfig, LimitsConfig,
    OutboxConfig, PublishConfig, Relation, WebSocketConfig,
};
pub use self::error::{
    BroadcastError, DisconnectError, HistoryError, JoinRoomError, LeaveRoomError, SendError,
};
pub use self::handlers::{sse_handler, ws_handler};
pub use self::handles::{Channel, ClientHandle, EventBuilder, Room};
pub use self::history::HistoryLimits;
pub use self::http::{Health, ServeOptions, serve};
pub use self::hub::{ClientRef, Observer, Overflow, Retention, TopicOptions, TopicRules};
pub use self::limits::{Limit, LimitCounters, Rate, RateError, RateLimit};
pub use self::node::policy::{self, Policy};
pub use self::node::{Page, PublishError, Published};
pub use self::presence::PresenceOptions;
pub use self::protocol::{
    ChannelName, ClientMessage, CloseCode, Direction, ErrorCode, EventId, EventName,
    HistoryRequest, Identity, Json, JsonError, NameError, RoomName, ServerMessage, TopicKind,
    TopicName, UserId,
};
pub use self::server::WebSocketServer;
pub use self::server_builder::ServerBuilder;
pub use self::transport::listen;
pub use self::transport::sse::SseRequest;
pub use self::transport::websocket::{Rejection as UpgradeRejection, Stream, WebSocketUpgrade};
pub use self::wire::{
    AllowedHosts, AllowedOrigins, HandshakeError, InvalidNetwork, InvalidOrigin, OriginError,
    TrustedProxies,
};

/// Histories over a restart: what [`WebSocketServer::restore_histories`] and
/// [`drain_and_save`](WebSocketServer::drain_and_save) return.
pub mod restart {
    pub use crate::history::saved::ReadError;
    pub use crate::hub::{RestoredHistories, SavedHistories};
    pub use crate::node::{InvalidRevocations, RevocationFileError};
    pub use crate::node::{RestoreError, SaveError, SetAside, Unusable};
}

/// The parts of the native protocol's messages.
///
/// A client sends [`ClientMessage`]s and receives [`ServerMessage`]s. An application rarely
/// needs more than [`ServerMessage::Message`].
pub mod messages {
    pub use crate::protocol::{
        Event, EventData, Gap, Position, Presence, PresenceCounts, PresenceList, PresenceRequest,
        PresentConnection, PresentUser, Refusal, ResumeRequest, Resumption, StreamTop, Subject,
        Unrecovered,
    };
}
