//! The table of settings: the single source for `--help`, for the file of `config init`, and
//! for error messages about settings.

mod kinds;
mod limits;

use self::kinds::{
    ANY_TIME, COUNT, COUNT_OR_NONE, HANDSHAKE_THREADS, KEYS, RATE, SHARDS, SIZE, SIZE_OR_NONE, TIME,
};
use self::limits::LIMITS;
use super::setting::Heading::{
    Connections, History, Listening, Logs, Publishing, Security, Shutdown, SlowConsumers,
};
use super::setting::Reload::{Live, New, Restart};
use super::setting::Setting;
use super::tls::VERSIONS;
use super::values::{Kind, StartPage, put};

/// Every setting, in the order in which they are shown.
pub(crate) const SETTINGS: &[Setting] =
    &joined::<{ FIRST.len() + LIMITS.len() + REST.len() }>(&[FIRST, LIMITS, REST]);

/// The settings of several tables.
const fn joined<const N: usize>(tables: &[&[Setting]]) -> [Setting; N] {
    let mut all = [tables[0][0]; N];
    let (mut count, mut table) = (0, 0);
    while table < tables.len() {
        let mut row = 0;
        while row < tables[table].len() {
            all[count] = tables[table][row];
            (count, row) = (count + 1, row + 1);
        }
        table += 1;
    }
    all
}

/// The settings that come before those of `[limits]`.
#[rustfmt::skip]
const FIRST: &[Setting] = &[
    Setting {
        key: "server.listen", flag: Some("listen"), heading: Listening, kind: Kind::Address, default: "127.0.0.1:3000", reload: Restart,
        set: |config, value| put(&mut config.listen, value),
        help: "Address to listen on",
        more: "`127.0.0.1:3000` is one address, `3000` is that port on 127.0.0.1, `:3000` is all addresses (IPv4 and IPv6), and `localhost:3000` is both loopback addresses. Port 0 picks a free port.",
    },
    Setting {
        key: "internal.listen", flag: Some("internal-listen"), heading: Listening, kind: Kind::OptionalAddress, default: "", reload: Restart,
        set: |config, value| put(&mut config.internal, value),
        help: "Address for the HTTP API and the start page, which --listen then doesn't serve; none by default",
        more: "Let only backends and operators reach it, and clients only --listen. Written like --listen. Health checks are answered on both.",
    },
    Setting {
        key: "tls.cert", flag: Some("tls-cert"), heading: Listening, kind: Kind::NeededPath, default: "", reload: New,
        set: |config, value| put(&mut config.tls.cert, value),
        help: "PEM file with the certificate for TLS, followed by those of the authorities that signed it",
        more: "With it, --listen speaks TLS: https:// and wss://, and nothing else. --internal-listen does not. The file is looked at every 10 seconds and on SIGHUP; a new certificate is used for new connections. `[[tls.certificates]]` in the file adds certificates for further names. ECDSA costs the server a fifth of what RSA costs.",
    },
    Setting {
        key: "tls.key", flag: Some("tls-key"), heading: Listening, kind: Kind::NeededPath, default: "", reload: New,
        set: |config, value| put(&mut config.tls.key, value),
        help: "PEM file with the private key of the certificate, without a passphrase",
        more: "",
    },
    Setting {
        key: "tls.min_version", flag: None, heading: Listening, kind: Kind::Word(VERSIONS), default: "1.2", reload: Restart,
        set: |config, value| put(&mut config.tls.min_version, value),
        help: "The oldest version of TLS that is accepted: 1.2 or 1.3",
        more: "",
    },
    Setting {
        key: "tls.handshake_threads", flag: None, heading: Listening, kind: HANDSHAKE_THREADS, default: "1", reload: Restart,
        set: |config, value| put(&mut config.tls.handshake_threads, value),
        help: "Number of threads for TLS handshakes, beside the worker threads",
        more: "One makes about 10,000 handshakes per second with an ECDSA certificate. At most 1024 are in progress at a time, and each has 10 seconds.",
    },
    Setting {
        key: "server.shards", flag: Some("shards"), heading: Listening, kind: SHARDS, default: "0", reload: Restart,
        set: |config, value| put(&mut config.server.engine.shards, value),
        help: "Number of shards; 0 means one per worker thread",
        more: "A shard is a task that owns its share of the connections. There are as many worker threads as CPU cores.",
    },
    Setting {
        key: "connections.max", flag: Some("max-connections"), heading: Connections, kind: COUNT_OR_NONE, default: "0", reload: Live,
        set: |config, value| put(&mut config.server.connections.max, value),
        help: "Maximum number of connections; 0 means as many as the file descriptors allow",
        more: "Further handshakes get 503. With 0, 64 file descriptors and 1 % of all are kept for health checks and the API.",
    },
    Setting {
        key: "connections.max_http", flag: Some("max-http"), heading: Connections, kind: COUNT, default: "4096", reload: Restart,
        set: |config, value| put(&mut config.server.connections.max_http, value),
        help: "Maximum number of plain HTTP connections, which are neither WebSockets nor event streams",
        more: "Further ones get 503 and are closed. A few are still read, so that health checks get through.",
    },
    Setting {
        key: "connections.keep_alive", flag: Some("keep-alive"), heading: Connections, kind: TIME, default: "75s", reload: Restart,
        set: |config, value| put(&mut config.server.connections.keep_alive, value),
        help: "How long an HTTP connection may be idle between two requests",
        more: "A proxy in front of the server should close its idle connections sooner, as nginx does after 60 seconds. While more than half of --max-http connections are open, the limit is at most 10 seconds.",
    },
    Setting {
        key: "connections.write_timeout", flag: Some("write-timeout"), heading: Connections, kind: TIME, default: "30s", reload: Restart,
        set: |config, value| put(&mut config.server.connections.write_timeout, value),
        help: "Reset a connection that accepts no bytes for this long while some are queued",
        more: "",
    },
    Setting {
        key: "connections.close_timeout", flag: Some("close-timeout"), heading: Connections, kind: TIME, default: "5s", reload: Restart,
        set: |config, value| put(&mut config.server.connections.close_timeout, value),
        help: "How long a client that is being closed has before its connection is reset",
        more: "In this time, the client reads the Close frame and ends its side. An evicted client has this long for each of the two.",
    },
    Setting {
        key: "connections.ping_interval", flag: Some("ping-interval"), heading: Connections, kind: TIME, default: "30s", reload: Restart,
        set: |config, value| put(&mut config.server.ping_interval, value),
        help: "Time between two pings to a client",
        more: "",
    },
    Setting {
        key: "connections.pong_timeout", flag: Some("pong-timeout"), heading: Connections, kind: TIME, default: "90s", reload: Restart,
        set: |config, value| put(&mut config.server.pong_timeout, value),
        help: "Close a client that hasn't answered a ping for this long (4001)",
        more: "Must be longer than the ping interval.",
    },
    Setting {
        key: "connections.max_message_size", flag: Some("max-message-size"), heading: Connections, kind: SIZE, default: "64KiB", reload: New,
        set: |config, value| put(&mut config.server.max_message_size, value),
        help: "Maximum size of a message from or to a client",
        more: "A longer message from a client is refused and skipped; one that is 16 times as long closes the connection (1009). Lists of who is present may be longer.",
    },
    Setting {
        key: "connections.messages_total", flag: Some("messages-total"), heading: Connections, kind: SIZE, default: "64MiB", reload: Restart,
        set: |config, value| put(&mut config.server.connections.messages_total, value),
        help: "Maximum number of bytes of all clients' messages that are incomplete or not yet carried out",
        more: "A client whose message doesn't fit is closed (1013). A quarter is reserved for messages of up to 4 KiB. Two messages of the maximum size always fit.",
    },
    Setting {
        key: "connections.max_clients_per_room", flag: Some("max-clients-per-room"), heading: Connections, kind: COUNT, default: "100", reload: Live,
        set: |config, value| put(&mut config.server.max_clients_per_room, value),
        help: "Maximum number of members of a room",
        more: "A client that joins a full room gets the error `room_full`.",
    },
];

/// The settings that follow those of `[limits]`.
#[rustfmt::skip]
const REST: &[Setting] = &[
    Setting {
        key: "outbox.messages", flag: Some("outbox-messages"), heading: SlowConsumers, kind: COUNT, default: "1024", reload: Live,
        set: |config, value| put(&mut config.server.outbox.messages, value),
        help: "Maximum number of messages that may wait for a client",
        more: "A client that exceeds it is a slow consumer: it is closed (1013) and may reconnect, unless a rule says to drop messages instead.",
    },
    Setting {
        key: "outbox.bytes", flag: Some("outbox-bytes"), heading: SlowConsumers, kind: SIZE, default: "1MiB", reload: Live,
        set: |config, value| put(&mut config.server.outbox.bytes, value),
        help: "Maximum number of bytes that may wait for a client",
        more: "Must be larger than the maximum size of a message.",
    },
    Setting {
        key: "outbox.total", flag: Some("outbox-total"), heading: SlowConsumers, kind: SIZE_OR_NONE, default: "0", reload: Restart,
        set: |config, value| put(&mut config.server.outbox.total, value),
        help: "Maximum number of bytes waiting for all clients together",
        more: "Beyond it, the clients with the most bytes waiting are closed (1013). A message that many clients share counts once per shard. 0 means an eighth of the memory that the process may use, and at least 128 MiB.",
    },
    Setting {
        key: "outbox.replies_total", flag: Some("replies-total"), heading: SlowConsumers, kind: SIZE, default: "32MiB", reload: Restart,
        set: |config, value| put(&mut config.server.outbox.replies_total, value),
        help: "Maximum number of bytes of unread replies to commands, over all clients",
        more: "Beyond it, a client's next command is carried out only when it has read all of its replies.",
    },
    Setting {
        key: "publish.timeout", flag: Some("publish-timeout"), heading: Publishing, kind: ANY_TIME, default: "1s", reload: Live,
        set: |config, value| put(&mut config.server.publish.timeout, value),
        help: "Longest time a publisher waits for a busy server before it gets 503",
        more: "A client's command waits for the same time, and is then refused with `overloaded`.",
    },
    Setting {
        key: "publish.window", flag: Some("publish-window"), heading: Publishing, kind: ANY_TIME, default: "5m", reload: Live,
        set: |config, value| put(&mut config.server.publish.window, value),
        help: "How long idempotency keys are remembered; 0s turns this off",
        more: "Within this time, a publication with the same `id` as an earlier one in its channel is not delivered again; its publisher gets the earlier one's result.",
    },
    Setting {
        key: "publish.ids", flag: Some("publish-ids"), heading: Publishing, kind: KEYS, default: "100000", reload: Live,
        set: |config, value| put(&mut config.server.publish.ids, value),
        help: "Maximum number of idempotency keys remembered, counted per channel; 0 turns this off",
        more: "Beyond it, the oldest are forgotten first. 100,000 take about 20 MB.",
    },
    Setting {
        key: "publish.max_body_size", flag: Some("max-body-size"), heading: Publishing, kind: SIZE, default: "1MiB", reload: Live,
        set: |config, value| put(&mut config.server.publish.max_body_size, value),
        help: "Maximum size of the body of an HTTP request",
        more: "",
    },
    Setting {
        key: "publish.bodies_total", flag: Some("bodies-total"), heading: Publishing, kind: SIZE, default: "64MiB", reload: Restart,
        set: |config, value| put(&mut config.server.publish.bodies_total, value),
        help: "Maximum number of bytes of the bodies of all HTTP requests in flight",
        more: "Bytes count as they arrive. Beyond the limit, the server stops reading a body, and its request gets 503 with `Retry-After`. One body of the maximum size always fits.",
    },
    Setting {
        key: "history.messages", flag: Some("history"), heading: History, kind: COUNT_OR_NONE, default: "100", reload: Live,
        set: |config, value| put(config.history.messages.get_or_insert_default(), value),
        help: "Publications kept per channel, and per room if set; 0 turns history off",
        more: "Clients that reconnect recover what they missed from these. By default, only channels keep them; a value that you set applies to rooms too. Rules in the file (`[[channels]]` and `[[rooms]]`) set this by name.",
    },
    Setting {
        key: "history.bytes", flag: Some("history-bytes"), heading: History, kind: SIZE, default: "1MiB", reload: Live,
        set: |config, value| put(&mut config.history.limits.max_bytes, value),
        help: "Maximum number of bytes kept per room and channel",
        more: "Must be larger than the maximum size of a message.",
    },
    Setting {
        key: "history.age", flag: Some("history-age"), heading: History, kind: ANY_TIME, default: "10m", reload: Live,
        set: |config, value| put(&mut config.history.limits.max_age, value),
        help: "Maximum age of a publication that is kept",
        more: "",
    },
    Setting {
        key: "history.total", flag: Some("history-total"), heading: History, kind: SIZE, default: "256MiB", reload: Live,
        set: |config, value| put(&mut config.server.history.total, value),
        help: "Maximum number of bytes kept over all rooms and channels",
        more: "Beyond it, those that use more than their fair share lose their oldest publications.",
    },
    Setting {
        key: "history.clients_total", flag: Some("history-clients-total"), heading: History, kind: SIZE, default: "32MiB", reload: Live,
        set: |config, value| put(&mut config.server.history.clients_total, value),
        help: "The part of --history-total for rooms, which clients fill",
        more: "More than a quarter counts as a quarter. The rest is for channels, so that clients can't push out what backends publish.",
    },
    Setting {
        key: "history.position_ttl", flag: Some("position-ttl"), heading: History, kind: ANY_TIME, default: "24h", reload: Live,
        set: |config, value| put(&mut config.server.history.position_ttl, value),
        help: "How long an unused room or channel remembers its position",
        more: "A client that resumes later is told that messages may be missing.",
    },
    Setting {
        key: "history.file", flag: Some("history-file"), heading: History, kind: Kind::Path, default: "", reload: Restart,
        set: |config, value| put(&mut config.history_file, value),
        help: "File that carries histories across a restart; none by default",
        more: "It is written at the end of a graceful shutdown, and read and removed at the next start. Clients then recover what they missed during the restart. After a crash, there is no file, and they are told that messages may be missing.",
    },
    Setting {
        key: "drain.timeout", flag: Some("drain-timeout"), heading: Shutdown, kind: ANY_TIME, default: "30s", reload: Live,
        set: |config, value| put(&mut config.server.drain.timeout, value),
        help: "Time limit for closing all connections; those that are left are cut off",
        more: "SIGTERM or SIGINT starts a graceful shutdown; a second signal ends the process at once.",
    },
    Setting {
        key: "drain.rate", flag: Some("drain-rate"), heading: Shutdown, kind: RATE, default: "2000", reload: Live,
        set: |config, value| put(&mut config.server.drain.rate, value),
        help: "Connections closed per second during a shutdown",
        more: "Raised automatically if the timeout would be too short.",
    },
    Setting {
        key: "drain.reconnect_rate", flag: Some("reconnect-rate"), heading: Shutdown, kind: RATE, default: "5000", reload: Live,
        set: |config, value| put(&mut config.server.drain.reconnect_rate, value),
        help: "Clients that may reconnect per second after a shutdown",
        more: "The shutdown notice asks clients to reconnect at random times within a window of matching length, between 1 second and 5 minutes.",
    },
    Setting {
        key: "network.origins", flag: Some("origin"), heading: Security, kind: Kind::AllowedOrigins, default: "", reload: Restart,
        set: |config, value| put(&mut config.origins, value),
        help: "Web origin whose pages may connect to /ws and /sse, beside pages of the server's own host",
        more: "An origin is scheme, host and port, as in `https://app.example`. `https://*.app.example` is all hosts below one, `*` is any origin, and `null` is what pages opened from a file have. With --dev, pages of this machine may connect from any port.",
    },
    Setting {
        key: "network.trusted_proxies", flag: None, heading: Security, kind: Kind::Networks, default: "", reload: Restart,
        set: |config, value| put(&mut config.trusted_proxies, value),
        help: "Networks of the proxies in front of the server, as in 10.0.0.0/8; none by default",
        more: "From these peers alone, the client's address is read from `Forwarded` or else `X-Forwarded-For`. Limits, logs and lists of connections then show that address.",
    },
    Setting {
        key: "network.proxy_protocol", flag: None, heading: Security, kind: Kind::Switch, default: "false", reload: Restart,
        set: |config, value| put(&mut config.server.proxy_protocol, value),
        help: "Whether every connection begins with a PROXY header (version 1 or 2) of a trusted proxy",
        more: "Then other peers than network.trusted_proxies are closed, on every port of the server and for health checks too.",
    },
    Setting {
        key: "server.cors_origins", flag: Some("cors-origin"), heading: Security, kind: Kind::WebOrigins, default: "", reload: Live,
        set: |config, value| put(&mut config.cors_origins, value),
        help: "Web origin that may call the HTTP API from a browser, or `*` for any; none by default",
        more: "An origin is scheme, host and port, as in `http://localhost:5173`. It is no authentication: without API keys, the browser must be on this machine.",
    },
    Setting {
        key: "server.page", flag: Some("page"), heading: Security, kind: Kind::Word(StartPage::WORDS), default: "auto", reload: Live,
        set: |config, value| put(&mut config.start_page, value),
        help: "Whether to serve the start page at `/`: on, off, or auto (on loopback addresses, or with --dev)",
        more: "With API keys or tokens, it is served only with --dev. The page is for development: it subscribes to channels and publishes, as anyone who can reach the port can. The JavaScript client (`/wavecast.js`) is served in any case.",
    },
    Setting {
        key: "server.dev", flag: Some("dev"), heading: Security, kind: Kind::Switch, default: "false", reload: Restart,
        set: |config, value| put(&mut config.server.trust_user_parameter, value),
        help: "Development only: trust `?user=<id>` on /ws and /sse, so that ANYBODY CAN CLAIM TO BE ANYBODY",
        more: "The server then also starts on addresses that others can reach, though nothing says who may connect; and without API keys, anybody may call the HTTP API, from other machines and from any web page.",
    },
    Setting {
        key: "tokens.audience", flag: None, heading: Security, kind: Kind::Texts, default: "", reload: Live,
        set: |config, value| put(&mut config.token_settings.options.audience, value),
        help: "Names of this service: a token must have one of them as its `aud`; none by default",
        more: "Without any, a token that has an `aud` is refused, because it was made for another service.",
    },
    Setting {
        key: "tokens.issuer", flag: None, heading: Security, kind: Kind::Texts, default: "", reload: Live,
        set: |config, value| put(&mut config.token_settings.options.issuer, value),
        help: "Issuers that are accepted: a token must have one of them as its `iss`; any by default",
        more: "",
    },
    Setting {
        key: "tokens.leeway", flag: None, heading: Security, kind: ANY_TIME, default: "30s", reload: Live,
        set: |config, value| put(&mut config.token_settings.options.leeway, value),
        help: "How much the clock of the issuer of a token may differ",
        more: "It holds for `exp`, `nbf` and `iat`.",
    },
    Setting {
        key: "tokens.max_lifetime", flag: None, heading: Security, kind: TIME, default: "24h", reload: Live,
        set: |config, value| put(&mut config.token_settings.options.max_lifetime, value),
        help: "Longest time from now until the expiry of a token; one that is valid for longer is refused",
        more: "",
    },
    Setting {
        key: "tokens.require_expiry", flag: None, heading: Security, kind: Kind::Switch, default: "true", reload: Live,
        set: |config, value| put(&mut config.token_settings.options.require_expiry, value),
        help: "Whether to refuse a token that has no `exp`",
        more: "",
    },
    Setting {
        key: "tokens.expiry_warning", flag: None, heading: Security, kind: ANY_TIME, default: "60s", reload: New,
        set: |config, value| put(&mut config.token_settings.expiry_warning, value),
        help: "How long before the expiry of its token a client is told so",
        more: "The clients are told at random times between 1.5 times and once this long before, so that they do not all come for a new token at once.",
    },
    Setting {
        key: "tokens.auth_timeout", flag: None, heading: Security, kind: TIME, default: "10s", reload: New,
        set: |config, value| put(&mut config.token_settings.auth_timeout, value),
        help: "How long a WebSocket that came without a token has to send one",
        more: "",
    },
    Setting {
        key: "tokens.allow_query", flag: None, heading: Security, kind: Kind::Switch, default: "false", reload: Live,
        set: |config, value| put(&mut config.token_settings.allow_query, value),
        help: "Whether a token may be in the query string, as `?token=`",
        more: "Query strings end up in the logs of proxies and browsers.",
    },
    Setting {
        key: "revocations.file", flag: Some("revocations-file"), heading: Security, kind: Kind::Path, default: "", reload: Restart,
        set: |config, value| put(&mut config.revocations_file, value),
        help: "File that keeps revocations over a restart; none by default",
        more: "Without it, a restart forgets which tokens were revoked, and those that have not expired are valid again. A server that cannot use its file does not start.",
    },
    Setting {
        key: "log.level", flag: Some("log"), heading: Logs, kind: Kind::LogFilter, default: "info", reload: Live,
        set: |config, value| put(&mut config.log, value),
        help: "What to log: error, warn, info, debug, trace, off, or a filter such as wavecast=debug",
        more: "",
    },
];

/// The setting with this key.
pub(crate) fn by_key(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

#[cfg(test)]
mod tests;
