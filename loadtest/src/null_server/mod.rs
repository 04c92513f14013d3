//! A server that speaks just enough of the protocol to test the tester, and that can be made to misbehave.
//!
//! It has one thread, one task per connection, and drops clients that read too slowly. It is not an example of how to build
//! a server.

mod behaviour;
mod client;
mod client_decoder;
mod counter;
mod fault;
mod frames;
mod history;
mod hub;
mod request_head;
mod serve;
mod server;

pub use behaviour::Behaviour;
pub use fault::Fault;
pub use server::NullServer;
