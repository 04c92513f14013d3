//! Judges what a worker's sockets receive. One file for each thing that can happen to a socket.

pub(crate) mod auditor;
mod closing;
mod declared;
mod faulty;
mod held_position;
mod incoming;
mod leaving;
mod lifecycle;
mod missing;
mod recovery;
mod room_message;
