//! A server in a box that speaks just enough of the protocol to test the tester, and that can be made to lie.
//!
//! One thread, one task per connection, no care for slow readers beyond a bound: not an example of how to build
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
