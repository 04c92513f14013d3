//! The tables of ARCHITECTURE.md.

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
                "auth/token/key.rs",
                "auth/token/test_keys.rs",
                "auth/token/verifier/tests/signatures.rs",
            ],
        ),
        (
            "axum",
            &[
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
        ("arc_swap", &["hub/client.rs"]),
        (
            "base64",
            &[
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
                "transport/websocket/connection.rs",
                "transport/websocket/serving.rs",
                "node/",
                "http/api/stream/publishing.rs",
            ],
        ),
        ("http", &["wire/", "authority/"]),
        (
            "humantime",
            &[
                "protocol/timestamp.rs",
                "http/api/",
                "config/values/kind.rs",
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
        ("quick_cache", &["node/dedup.rs"]),
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
            ],
        ),
        ("rustls_native_certs", &["authority/key_request.rs"]),
        ("serde_json", &["protocol/json.rs", "protocol/json_scan.rs"]),
        ("sha1", &["wire/accept_key.rs"]),
        ("simd_json", &["dialect/native/"]),
        ("simdutf8", &["wire/"]),
        ("roaring", &["hub/shard/slots.rs"]),
        ("slab", &["hub/shard/mod.rs"]),
        ("smallvec", &["hub/shard/members.rs"]),
        ("socket2", &["transport/socket.rs", "hub/shard/link.rs"]),
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
                "cli/serve.rs",
                "cli/token_check.rs",
            ],
        ),
        ("toml", &["config/sources/"]),
        ("tower_http", &["cli/cors.rs", "cli/serve.rs"]),
        ("tower_service", &["http/serving/"]),
        (
            "tracing",
            &[
                "authority/key_fetcher.rs",
                "hub/observer.rs",
                "node/connections.rs",
                "node/history.rs",
                "node/policy.rs",
                "transport/websocket/connection.rs",
                "http/api/connections.rs",
                "http/serving/",
                "cli/journal.rs",
                "cli/serve.rs",
                "cli/signals.rs",
            ],
        ),
        ("tracing_subscriber", &["telemetry.rs"]),
        (
            "uuid",
            &[
                "protocol/event_id.rs",
                "hub/",
                "node/",
                "http/api/",
                "handles/",
                "server/",
            ],
        ),
    ],
};

pub const LOADTEST: Crate = Crate {
    folder: "loadtest/src",
    manifest: "loadtest/Cargo.toml",
    floors: &[
        ("base", 0),
        ("wire", 1),
        ("null_server", 2),
        ("dialect", 3),
        ("plan", 4),
        ("result", 5),
        ("measure", 6),
        ("books", 7),
        ("sockets", 8),
        ("verdict", 9),
        ("dashboard", 10),
        ("report", 11),
        ("run", 12),
        ("compare", 13),
        ("doctor", 14),
        ("cli", 15),
        ("command", 16),
        ("lib", 17),
        ("main", 18),
    ],
    third_party: &[
        (
            "base64",
            &[
                "measure/latency.rs",
                "report/hdr.rs",
                "report/sample.rs",
                "wire/handshake.rs",
            ],
        ),
        (
            "clap",
            &[
                "cli/",
                "command/",
                "dashboard/theme.rs",
                "report/outputs.rs",
                "run/display.rs",
                "wire/frame_reader.rs",
            ],
        ),
        (
            "crossbeam_channel",
            &[
                "command/",
                "dashboard/thread.rs",
                "measure/sampler.rs",
                "run/",
                "sockets/",
            ],
        ),
        (
            "hdrhistogram",
            &["measure/latency.rs", "report/hdr.rs", "report/sample.rs"],
        ),
        ("hmac", &["dialect/pusher_app.rs"]),
        ("httparse", &["null_server/request_head.rs", "wire/"]),
        ("humantime", &["cli/"]),
        ("md5", &["dialect/pusher_app.rs"]),
        ("memchr", &["dialect/", "wire/"]),
        (
            "nix",
            &[
                "doctor/machine.rs",
                "measure/process.rs",
                "run/preflight.rs",
                "sockets/opening.rs",
            ],
        ),
        ("ratatui", &["dashboard/"]),
        (
            "rustls",
            &["base/tls.rs", "sockets/link.rs", "wire/tcp_link.rs"],
        ),
        ("serde", &["dialect/target_file.rs", "result/"]),
        ("serde_json", &["report/"]),
        ("sha1", &["wire/handshake.rs"]),
        ("sha2", &["dialect/pusher_app.rs"]),
        ("socket2", &["null_server/", "sockets/audit/leaving.rs"]),
        (
            "thiserror",
            &["report/error.rs", "run/preflight.rs", "sockets/", "wire/"],
        ),
        ("tokio", &["null_server/", "sockets/", "run/"]),
        ("toml", &["cli/scenario_file.rs", "dialect/presets.rs"]),
        ("tungstenite", &["wire/frame_reader.rs"]),
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
