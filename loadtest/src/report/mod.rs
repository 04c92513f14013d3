//! Reports: the result of a run as text and as files for people and machines.

mod csv;
mod error;
mod escape;
pub(crate) mod hdr;
mod html;
mod hub_notes;
pub(crate) mod hub_runs;
pub(crate) mod hubs_page;
pub(crate) mod json;
mod junit;
mod markdown;
pub(crate) mod outputs;
mod page;
#[cfg(test)]
pub(crate) mod sample;
pub(crate) mod stored;
pub(crate) mod text;
