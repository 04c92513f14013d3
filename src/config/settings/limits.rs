//! The settings of `[limits]`.

use super::kinds::{ADDRESS_COUNT, COUNT, COUNT_OR_NONE, SIZE};
use crate::config::setting::Heading::Connections;
use crate::config::setting::Reload::{Live, New};
use crate::config::setting::Setting;
use crate::config::values::{Kind, put};

/// Bounds of what clients do.
#[rustfmt::skip]
pub(super) const LIMITS: &[Setting] = &[
    Setting {
        key: "limits.topics_per_client", flag: Some("max-topics-per-client"), heading: Connections, kind: COUNT_OR_NONE, default: "1000", reload: Live,
        set: |config, value| put(&mut config.server.limits.topics_per_client, value),
        help: "Maximum number of rooms and channels per client; 0 means no limit",
        more: "A client that asks for more gets the error `too_many_topics`.",
    },
    Setting {
        key: "limits.topics", flag: Some("max-topics"), heading: Connections, kind: COUNT_OR_NONE, default: "1000000", reload: Live,
        set: |config, value| put(&mut config.server.limits.topics, value),
        help: "Maximum number of rooms and channels that have members; 0 means no limit",
        more: "A client that would be the first member of another one gets the error `too_many_topics`. Each takes about 0.5 KB of memory.",
    },
    Setting {
        key: "limits.connections_per_address", flag: None, heading: Connections, kind: ADDRESS_COUNT, default: "1000", reload: Live,
        set: |config, value| put(&mut config.limits.connections_per_address, value),
        help: "Maximum number of connections from one address; 0 means no limit",
        more: "A further handshake gets 429. An IPv6 address counts by its first 64 bits. Loopback addresses have no limit, so behind a proxy on this machine, set network.trusted_proxies.",
    },
    Setting {
        key: "limits.handshakes_per_address", flag: None, heading: Connections, kind: Kind::Rate, default: "50/s", reload: Live,
        set: |config, value| put(&mut config.limits.handshakes_per_address, value),
        help: "Rate of requests to /ws and /sse from one address; 0 means no limit",
        more: "A further one gets 429.",
    },
    Setting {
        key: "limits.handshakes_per_address_burst", flag: None, heading: Connections, kind: COUNT, default: "200", reload: Live,
        set: |config, value| put(&mut config.limits.handshakes_per_address_burst, value),
        help: "Requests to /ws and /sse that may come from one address at once",
        more: "",
    },
    Setting {
        key: "limits.failed_auth_per_address", flag: None, heading: Connections, kind: Kind::Rate, default: "20/m", reload: Live,
        set: |config, value| put(&mut config.limits.failed_auth_per_address, value),
        help: "Rate of invalid tokens and API keys from one address; 0 means no limit",
        more: "After that, a token or key gets 429 and is not verified. Expired tokens do not count.",
    },
    Setting {
        key: "limits.connections_per_user", flag: None, heading: Connections, kind: COUNT_OR_NONE, default: "100", reload: Live,
        set: |config, value| put(&mut config.limits.connections_per_user, value),
        help: "Maximum number of connections of one user; 0 means no limit",
        more: "A further one gets 429, or, if it is open already, the error `too_many_of_user` and close code 4005.",
    },
    Setting {
        key: "limits.waiting_for_auth", flag: None, heading: Connections, kind: COUNT_OR_NONE, default: "4096", reload: Live,
        set: |config, value| put(&mut config.limits.waiting_for_auth, value),
        help: "Maximum number of WebSockets that have not sent their token yet; 0 means no limit",
        more: "A further one gets 503.",
    },
    Setting {
        key: "limits.commands", flag: None, heading: Connections, kind: Kind::Rate, default: "100/s", reload: New,
        set: |config, value| put(&mut config.limits.commands, value),
        help: "Rate of commands of one connection; 0 means no limit",
        more: "A further one is refused with `rate_limited`; 100 refused ones within 10 seconds close the connection (4002). The rates of a connection hold once [tokens], [anonymous] or [limits] is configured.",
    },
    Setting {
        key: "limits.commands_burst", flag: None, heading: Connections, kind: COUNT, default: "2000", reload: New,
        set: |config, value| put(&mut config.limits.commands_burst, value),
        help: "Commands that a connection may send at once",
        more: "Must hold a whole resubscription: 1000 commands.",
    },
    Setting {
        key: "limits.bytes", flag: None, heading: Connections, kind: Kind::ByteRate, default: "256KiB/s", reload: New,
        set: |config, value| put(&mut config.limits.bytes, value),
        help: "Rate of bytes of the messages of one connection; 0 means no limit",
        more: "The commands of a further message are refused with `rate_limited`.",
    },
    Setting {
        key: "limits.bytes_burst", flag: None, heading: Connections, kind: SIZE, default: "2MiB", reload: New,
        set: |config, value| put(&mut config.limits.bytes_burst, value),
        help: "Bytes of messages that a connection may send at once",
        more: "Should hold the largest message.",
    },
    Setting {
        key: "limits.control_frames", flag: None, heading: Connections, kind: Kind::Rate, default: "20/s", reload: New,
        set: |config, value| put(&mut config.limits.control_frames, value),
        help: "Rate of pings and pongs of one connection; 0 means no limit",
        more: "A further one closes the connection (1008).",
    },
    Setting {
        key: "limits.control_frames_burst", flag: None, heading: Connections, kind: COUNT, default: "100", reload: New,
        set: |config, value| put(&mut config.limits.control_frames_burst, value),
        help: "Pings and pongs that a connection may send at once",
        more: "",
    },
    Setting {
        key: "limits.presence_updates", flag: None, heading: Connections, kind: Kind::Rate, default: "10/s", reload: New,
        set: |config, value| put(&mut config.limits.presence_updates, value),
        help: "Rate of a connection's commands that ask for presence; 0 means no limit",
        more: "A further one is refused with `rate_limited`.",
    },
];
