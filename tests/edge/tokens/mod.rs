//! Tokens: how clients bring them, what becomes of connections when they change or expire.

mod connecting;
pub mod desk;
mod expiry;
mod first_message;
pub mod issuer;
mod key_sets;
mod languages;
mod publishing;
mod refresh;
mod revocation;
mod revocation_file;
mod rights;
mod secrets;
mod subscription;
