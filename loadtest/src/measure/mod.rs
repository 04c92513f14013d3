//! Instruments: latency histograms, samples of processes, statistics of the server, regression.

pub(crate) mod connection_latency;
pub(crate) mod latency;
pub(crate) mod process;
pub(crate) mod regression;
pub(crate) mod sampler;
pub(crate) mod server_pid;
pub(crate) mod server_stats;
