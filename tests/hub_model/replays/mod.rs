//! Replays, live publications and full outboxes at the same time. Whatever the interleaving
//! was, a member receives everything in order and once, or is told what is missing.

mod load;
mod reader;
mod step;
