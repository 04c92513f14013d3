//! Runs the real binary against servers with one fault each. It must find that fault, and nothing else.

mod closed_output;
mod command_line;
mod compare;
mod delivery;
mod event_stream;
mod misbehaviour;
mod pusher;
mod reconnects;
mod recovery;
mod rights_server;
mod scenes;
mod stages;
mod support;
mod targets;
mod timing;
mod tls;
