//! Channels: subscriptions, and the channels that the server reserves.

mod delivery;
mod reserved;
mod subscriptions;
