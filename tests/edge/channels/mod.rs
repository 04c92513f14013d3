//! Channels: subscriptions, and the channels that the server reserves.

mod reserved;
mod subscriptions;
