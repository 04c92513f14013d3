//! All operations at the same time, on several workers and shards. For every interleaving, each
//! client has received something that a model could have sent.

mod connection;
mod race;
mod room_view;
mod worker;
