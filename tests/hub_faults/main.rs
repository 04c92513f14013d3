//! Races and endings at the edges of the hub that once went wrong, or nearly did. Each test is
//! one of them, without sockets.

// `pub` marks what `support` offers to the others.
#![allow(unreachable_pub)]

mod connecting;
mod counted;
mod draining;
mod forgetting;
mod forms;
mod histories;
mod mailboxes;
mod memberships;
mod partial_writes;
#[path = "../common/patience.rs"]
mod patience;
mod presence;
mod replays;
mod streams;
mod stuck_shards;
mod support;
mod sweeping;
#[path = "../common/watchdog.rs"]
mod watchdog;
