//! One operation after the other. After each, the members, the counts and what every client
//! was sent are exactly what the model says.

mod actions;
mod checks;
mod member;
mod operation;
mod sequence;
mod world;
