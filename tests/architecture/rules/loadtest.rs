//! The load tester.

use super::Crate;

pub(super) const LOADTEST: Crate = Crate {
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
        ("scenes", 12),
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
                "base/tokens.rs",
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
                "scenes/",
                "sockets/",
            ],
        ),
        (
            "hdrhistogram",
            &["measure/latency.rs", "report/hdr.rs", "report/sample.rs"],
        ),
        ("hmac", &["base/tokens.rs", "dialect/pusher_app.rs"]),
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
        ("sha2", &["base/tokens.rs", "dialect/pusher_app.rs"]),
        ("socket2", &["null_server/", "sockets/audit/leaving.rs"]),
        (
            "thiserror",
            &["report/error.rs", "run/preflight.rs", "sockets/", "wire/"],
        ),
        (
            "tokio",
            &[
                "command/scenes.rs",
                "null_server/",
                "run/",
                "scenes/",
                "sockets/",
            ],
        ),
        ("toml", &["cli/scenario_file.rs", "dialect/presets.rs"]),
        ("tungstenite", &["wire/frame_reader.rs"]),
    ],
};
