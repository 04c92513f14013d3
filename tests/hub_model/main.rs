//! The real hub against a naive model: joins, leaves, broadcasts, disconnects and evictions
//! in any order, one after the other (`model`) and at the same time (`races`), and replays
//! beside live publications (`replays`).

mod frames;
mod model;
#[path = "../common/patience.rs"]
mod patience;
mod races;
mod replays;
#[path = "../common/watchdog.rs"]
mod watchdog;
