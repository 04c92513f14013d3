//! Publishing over HTTP: events, batches, idempotency keys.

mod batches;
mod events;
mod idempotency;
mod idempotency_when_full;
mod payloads;
mod request_size;
mod short_way;
mod stream_bounds;
mod stream_endings;
mod streams;
