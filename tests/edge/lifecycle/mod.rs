//! A connection's life: how it begins, how it is kept alive, every way in which it ends.

mod connections;
mod drain_under_load;
mod heartbeat;
mod shutdown;
mod undecided;
