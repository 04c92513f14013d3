//! Everything at the same time, on several workers and shards. Whatever the interleaving was,
//! what each client received is something that a model could have sent.

mod connection;
mod race;
mod room_view;
mod worker;
