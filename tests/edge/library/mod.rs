//! The library inside an application.

mod books;
mod calls;
mod events;
mod example;
mod gate;
mod identity;
mod inspection;
mod mounting;
mod observer;
mod origins;
mod policy;
mod policy_deadlines;
mod responses;
mod serving;
