//! What went wrong, or nearly did, at the edges of the hub: each test is one race or one
//! bad ending, without sockets.

// `pub` marks what `support` offers to the others.
#![allow(unreachable_pub)]

mod forgetting;
mod memberships;
mod streams;
mod support;
