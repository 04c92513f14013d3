//! The library inside an application.

mod embedding;
mod events;
mod inspection;
mod responses;
mod serving;
