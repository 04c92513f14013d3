//! What happens when a client, a mailbox or the process is at its limit.

mod faults;
mod gap_notices;
mod slow_consumer;
