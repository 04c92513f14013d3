//! What a run is started with.

use super::display::DisplayFlags;
use crate::base::source_ips::SourceIps;
use crate::base::target::Target;
use crate::measure::server_pid::ServerPid;
use crate::plan::run_plan::RunPlan;
use crate::verdict::judge::JudgeOptions;
use crate::wire::frame_reader::ReaderEngine;
use std::time::Duration;

/// Everything the command line says.
#[derive(Debug)]
pub(crate) struct RunOptions {
    pub(crate) plan: RunPlan,
    pub(crate) ws: Target,
    pub(crate) api: Target,
    pub(crate) source_ips: SourceIps,
    pub(crate) workers: u32,
    pub(crate) engine: ReaderEngine,
    pub(crate) connect_timeout: Duration,
    /// Longest wait for the last deliveries.
    pub(crate) drain: Duration,
    /// Longest time for everything.
    pub(crate) limit_time: Duration,
    /// Non-loopback targets are allowed.
    pub(crate) yes: bool,
    pub(crate) server_pid: Option<ServerPid>,
    pub(crate) display: DisplayFlags,
    pub(crate) judging: JudgeOptions,
}
