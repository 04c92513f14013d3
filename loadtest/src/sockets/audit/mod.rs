//! The auditor of a worker: keeps the books of its sockets and judges everything they receive. One file for each thing that
//! can happen to a socket.

pub(super) mod auditor;
mod closing;
mod declared;
mod dialect_messages;
mod faulty;
mod held_position;
mod incoming;
mod leaving;
mod lifecycle;
mod missing;
mod recovery;
mod room_message;
#[cfg(test)]
mod tests;
