//! The library inside an application.

mod embedding;
mod example;
mod identity;
mod observer;
mod policy;
mod policy_deadlines;
