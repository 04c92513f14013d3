//! Positions, replays and history.

mod announcements;
mod history;
mod history_budget;
mod history_file;
mod reconnecting;
mod replaying;
mod restarts;
mod resuming;
mod rooms_and_users;
mod shared_history_file;
