//! The tables of ARCHITECTURE.md.

mod loadtest;

use self::loadtest::LOADTEST;

/// One crate of the workspace and its rules.
pub struct Crate {
    /// Its source folder.
    pub folder: &'static str,
    /// Its manifest.
    pub manifest: &'static str,
    /// The floor of each part, by the first part of the path. A file imports only from its
    /// own part and from lower floors.
    pub floors: &'static [(&'static str, u8)],
    /// Where each third-party crate may be named: files, and folders that end in `/`.
    pub third_party: &'static [(&'static str, &'static [&'static str])],
}

pub const CRATES: &[&Crate] = &[&SERVER, &LOADTEST];

/// The floors of ARCHITECTURE.md, ten apart; within the library's front, its own order.
pub const SERVER: Crate = Crate {
    folder: "src",
    manifest: "Cargo.toml",
    floors: &[
        ("protocol", 0),
        ("wire", 0),
        ("dialect", 10),
        ("history", 10),
        ("presence", 10),
        ("limits", 10),
        ("auth", 20),
        ("hub", 20),
        ("node", 30),
        ("session", 40),
        ("authority", 45),
        ("transport", 50),
        ("http", 60),
        ("error", 70),
        ("config", 71),
        ("telemetry", 71),
        ("handles", 72),
        ("server", 73),
        ("server_builder", 74),
        ("checked_origin", 75),
        ("handlers", 76),
        ("cli", 80),
        ("lib", 90),
        ("main", 90),
    ],
    third_party: &[
        (
            "aws_lc_rs",
            &[
                "auth/key_hash.rs",
                "auth/new_key.rs",
                "auth/token/key.rs",
                "auth/token/test_keys.rs",
                "auth/token/verifier/tests/signatures.rs",
                "wire/tls/records/tests/fragments.rs",
            ],
        ),
        (
            "axum",
            &[
                "transport/client_address.rs",
                "transport/credentials.rs",
                "transport/websocket/accept.rs",
                "transport/websocket/upgrade.rs",
                "transport/sse/",
                "http/",
                "error/response.rs",
                "server/serving.rs",
                "checked_origin.rs",
                "handlers.rs",
                "cli/cors.rs",
            ],
        ),
        ("arc_swap", &["hub/client.rs", "wire/tls/certificates.rs"]),
        (
            "base64",
            &[
                "auth/new_key.rs",
                "wire/accept_key.rs",
                "dialect/sse/tag.rs",
                "auth/token/compact.rs",
                "auth/token/test_keys.rs",
                "auth/token/verifier/tests/signatures.rs",
                "auth/jwks/",
            ],
        ),
        ("bytes", &["transport/", "server.rs"]),
        ("bytesize", &["config/values/kind.rs"]),
        ("clap", &["cli/"]),
        (
            "crc32fast",
            &["history/saved/reader.rs", "history/saved/writer.rs"],
        ),
        ("dashmap", &["hub/registry.rs"]),
        (
            "futures_util",
            &[
                "hub/",
                "transport/websocket/authenticating.rs",
                "transport/websocket/connection.rs",
                "transport/websocket/serving.rs",
                "node/",
                "http/api/router.rs",
                "http/api/stream/publishing.rs",
            ],
        ),
        ("http", &["wire/", "authority/"]),
        (
            "humantime",
            &[
                "protocol/timestamp.rs",
                "http/api/",
                "config/sources/api_keys.rs",
                "config/values/kind.rs",
                "cli/key_new.rs",
            ],
        ),
        (
            "hyper",
            &[
                "authority/key_request.rs",
                "transport/",
                "http/serving/",
                "http/api/unread.rs",
            ],
        ),
        (
            "hyper_util",
            &["authority/key_request.rs", "transport/", "http/serving/"],
        ),
        ("ipnet", &["wire/trusted_proxies.rs"]),
        ("jsonwebtoken", &["auth/token/", "auth/jwks/mod.rs"]),
        (
            "parking_lot",
            &[
                "auth/grants/table.rs",
                "auth/jwks/key_set.rs",
                "node/",
                "hub/",
                "transport/",
                "http/serving/slots.rs",
                "http/api/stream/publishing.rs",
            ],
        ),
        ("memchr", &["dialect/native/"]),
        ("postcard", &["dialect/stored.rs", "history/saved/"]),
        ("ppp", &["transport/proxy_header.rs"]),
        ("quick_cache", &["node/addresses.rs", "node/dedup.rs"]),
        ("rustix", &["cli/descriptors.rs"]),
        (
            "serde",
            &[
                "protocol/",
                "auth/grants/claim.rs",
                "auth/token/claims.rs",
                "auth/jwks/jwk.rs",
                "dialect/stored.rs",
                "history/saved/record.rs",
                "node/published.rs",
                "node/revocation/saved.rs",
                "http/",
                "handles/event.rs",
                "server/channels.rs",
                "handlers.rs",
            ],
        ),
        (
            "serde_json",
            &[
                "protocol/json.rs",
                "protocol/json_scan.rs",
                "auth/grants/claim.rs",
                "node/revocation/saved.rs",
            ],
        ),
        ("rustls", &["wire/tls/"]),
        ("rustls_native_certs", &["authority/key_request.rs"]),
        ("sha1", &["wire/accept_key.rs"]),
        ("simd_json", &["dialect/native/"]),
        ("simdutf8", &["wire/"]),
        ("roaring", &["hub/shard/slots.rs"]),
        ("slab", &["hub/shard/mod.rs"]),
        ("smallvec", &["hub/shard/members.rs"]),
        ("socket2", &["transport/socket.rs", "hub/shard/"]),
        ("strsim", &["protocol/suggest.rs"]),
        (
            "thiserror",
            &[
                "protocol/",
                "wire/",
                "auth/",
                "authority/",
                "history/saved/error.rs",
                "hub/",
                "node/",
                "transport/tls/handshake.rs",
                "config/error.rs",
                "error/",
            ],
        ),
        ("tikv_jemalloc_ctl", &["main.rs"]),
        ("tikv_jemallocator", &["main.rs"]),
        (
            "tokio",
            &[
                "authority/",
                "hub/",
                "node/",
                "transport/",
                "http/",
                "server.rs",
                "server/serving.rs",
                "cli/",
            ],
        ),
        ("tokio_rustls", &["authority/"]),
        (
            "tokio_util",
            &[
                "authority/key_fetcher.rs",
                "hub/",
                "node/",
                "transport/",
                "http/",
                "server.rs",
                "server/serving.rs",
                "cli/authority.rs",
                "cli/serve.rs",
                "cli/tls.rs",
                "cli/token_check.rs",
            ],
        ),
        ("toml", &["config/sources/"]),
        ("tower_http", &["cli/cors.rs"]),
        ("tower_service", &["http/serving/"]),
        (
            "tracing",
            &[
                "authority/key_fetcher.rs",
                "authority/policy.rs",
                "hub/observer.rs",
                "node/connections.rs",
                "node/history.rs",
                "node/policy.rs",
                "node/restart.rs",
                "transport/tls/",
                "transport/websocket/connection.rs",
                "http/api/connections.rs",
                "http/api/revocations.rs",
                "http/api/users.rs",
                "http/serving/",
                "cli/journal.rs",
                "cli/serve.rs",
                "cli/signals.rs",
                "cli/tls.rs",
            ],
        ),
        ("tracing_subscriber", &["telemetry.rs"]),
        (
            "uuid",
            &[
                "protocol/event_id.rs",
                "protocol/presence.rs",
                "hub/",
                "node/",
                "http/api/",
                "handles/",
                "server/",
            ],
        ),
        ("utoipa", &["http/api/description.rs", "http/api/router.rs"]),
        ("utoipa_axum", &["http/api/router.rs"]),
    ],
};

/// Maximum number of lines of a file, tests included.
pub const MAX_LINES: usize = 400;

/// Code that is banned in every crate.
pub const BANNED: &[&str] = &[
    "unsafe {",
    "unsafe fn",
    "unsafe impl",
    "unbounded",
    "tokio::spawn",
    "task::spawn(",
    "std::sync::mpsc",
    "todo!",
    "unimplemented!",
    "dbg!",
];

/// Names that the hub must not use: it moves frames, and their contents belong to the dialects.
pub const NOT_IN_THE_HUB: &[&str] = &[
    "json",
    "Json",
    "JSON",
    "ServerMessage",
    "ClientMessage",
    "Command",
    "PublishRequest",
    "dialect::native",
    "dialect::sse",
    "Frame::text",
    "Frame::close",
    "Frame::ping",
];
