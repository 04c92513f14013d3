//! What happens when a client, a mailbox or the process is at its limit.

mod accept_errors;
mod descriptors;
mod eviction;
mod floods;
mod full_mailbox;
mod gap_notices;
mod http_connections;
mod memory;
mod outbox_total;
mod panics;
mod replies;
mod unfinished_messages;
mod unread_answers;
