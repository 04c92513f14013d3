//! Event streams (SSE): channels as lines of text over HTTP.

mod other_servers;
mod resume;
mod slow_readers;
mod stream;
