//! The library inside an application.

mod calls;
mod mounting;
