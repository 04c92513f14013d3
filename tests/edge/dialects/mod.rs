//! Clients of several wire protocols in one topic.

mod mounted;
mod session;
mod terse;
mod together;
