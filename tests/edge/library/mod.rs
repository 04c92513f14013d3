//! The library inside an application.

mod calls;
mod events;
mod inspection;
mod mounting;
mod responses;
mod serving;
