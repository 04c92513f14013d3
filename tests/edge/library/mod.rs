//! The library inside an application.

mod embedding;
mod identity;
mod observer;
mod policy;
mod policy_deadlines;
