//! Publishing over HTTP: events, batches, idempotency keys.

mod events;
mod full_mailboxes;
mod idempotency;
