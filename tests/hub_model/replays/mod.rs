//! Replays, live publications and full outboxes at the same time. For every interleaving, a
//! member receives everything once and in order, or is told what is missing.

mod load;
mod reader;
mod step;
