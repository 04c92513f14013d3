//! One operation after the other, or a few at once. After each, the members, the counts and what
//! every client was sent are exactly what the model says.

mod actions;
mod channels;
mod checks;
mod drain;
mod marked;
mod matching;
mod member;
mod operation;
mod reading;
mod rooms;
mod sequence;
mod stream;
mod world;
