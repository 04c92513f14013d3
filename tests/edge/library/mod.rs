//! The library inside an application.

mod embedding;
