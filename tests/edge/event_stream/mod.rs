//! Event streams (SSE): channels as lines of text over HTTP.

mod connection;
mod drain;
mod eviction;
mod opening;
mod ordering;
mod other_servers;
mod resume;
mod resume_under_load;
