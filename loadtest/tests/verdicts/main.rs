//! Runs the real binary against servers that lie in one way each: it must find that, and nothing else.

mod command_line;
mod delivery;
mod misbehaviour;
mod recovery;
mod returns;
mod support;
mod timing;
