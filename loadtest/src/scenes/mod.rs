//! Scenarios that script each socket: rights and how they end, and presence.

pub(crate) mod auth;
pub(crate) mod checks;
mod message;
pub(crate) mod options;
pub(crate) mod presence;
mod presence_list;
mod publishing;
mod revoking;
mod scene;
mod socket;
