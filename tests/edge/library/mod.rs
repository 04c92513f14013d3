//! The library inside an application.

mod books;
mod embedding;
mod example;
mod gate;
mod identity;
mod observer;
mod policy;
mod policy_deadlines;
