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
        ("hub", 20),
        ("node", 30),
        ("session", 40),
        ("transport", 50),
        ("http", 60),
        ("error", 70),
        ("config", 71),
        ("telemetry", 71),
        ("handles", 72),
        ("server", 73),
        ("server_builder", 74),
        ("handlers", 75),
        ("cli", 80),
        ("lib", 90),
        ("main", 90),
    ],
    third_party: &[
        (
            "axum",
            &[
                "transport/websocket/upgrade.rs",
                "transport/sse/",
                "http/",
                "error/response.rs",
                "server/serving.rs",
                "handlers.rs",
                "cli/cors.rs",
            ],
        ),
        ("base64", &["wire/accept_key.rs", "dialect/sse/tag.rs"]),
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
        ("http", &["wire/"]),
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
            &["transport/", "http/serving/", "http/api/unread.rs"],
        ),
        ("hyper_util", &["transport/", "http/serving/"]),
        (
            "parking_lot",
            &[
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
                "dialect/stored.rs",
                "history/saved/record.rs",
                "node/published.rs",
                "http/",
                "handles/event.rs",
                "server/channels.rs",
                "handlers.rs",
            ],
        ),
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
                "hub/",
                "node/",
                "transport/",
                "http/",
                "server.rs",
                "server/serving.rs",
                "cli/",
            ],
        ),
        (
            "tokio_util",
            &[
                "hub/",
                "node/",
                "transport/",
                "http/",
                "server.rs",
                "server/serving.rs",
                "cli/serve.rs",
            ],
        ),
        ("toml", &["config/sources/"]),
        ("tower_http", &["cli/cors.rs", "cli/serve.rs"]),
        ("tower_service", &["http/serving/"]),
        (
            "tracing",
            &[
                "hub/observer.rs",
                "node/connections.rs",
                "node/history.rs",
                "node/policy.rs",
                "node/restart.rs",
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
        ("wildmatch", &["hub/topic/rules.rs"]),
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
