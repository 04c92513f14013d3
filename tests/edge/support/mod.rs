//! Helpers that all tests share: a server on its own port, raw clients, raw HTTP. Each file
//! uses only those above it.

#[path = "../../common/patience.rs"]
mod patience;
#[path = "../../common/watchdog.rs"]
mod watchdog;

mod config_file;
mod folder;
mod frame;
mod key_server;
mod memory;
mod token_key;

mod http;

mod client;
mod event_lines;
mod event_source;

mod binary;
mod server;
mod tls;

mod positions;

pub use binary::{Binary, run, run_unread, run_with, run_with_input};
pub use client::{Client, HANDSHAKE, refusable_handshake, upgrade_request};
pub use config_file::ConfigFile;
pub use event_lines::EventLines;
pub use event_source::{Block, EventSource};
pub use folder::Folder;
pub use frame::{
    BINARY, CLOSE, CONTINUATION, FINAL_CONTINUATION, PING, PONG, TEXT, TEXT_FRAGMENT, close_frame,
    frame, frame_head, text_frame, unmasked_frame,
};
pub use http::{
    Response, dial, dial_with_small_buffer, exchange, expect_end, post_text, read_head,
    read_response, request,
};
pub use key_server::KeyServer;
pub use memory::{peak_kib, reset_peak, resident_kib};
pub use patience::{InTime, LOAD_PATIENCE, eventually, join_all, within, within_a_minute};
pub use positions::{
    Position, expect_offsets, publish_offsets, subscribe_with, with_history, with_history_limits,
};
pub use server::{TestServer, config, large_outboxes, publish, without_history};
pub use tls::{
    TestCertificate, TlsClient, acceptor, ask_tls, client_config, connect_tls, dial_tls,
    shake_hands, shake_hands_for, upgrade_tls,
};
pub use token_key::{TokenKey, pem, unix_time};
pub use watchdog::watch;
