//! Positions, replays and history.

mod announcements;
mod history;
mod history_budget;
mod reconnecting;
mod replaying;
mod resuming;
mod rooms_and_users;
