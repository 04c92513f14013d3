//! The options of a run.

use super::display::DisplayFlags;
use crate::base::source_ips::SourceIps;
use crate::base::target::Target;
use crate::dialect::hub_dialect::Dialect;
use crate::measure::server_pid::ServerPid;
use crate::plan::run_plan::RunPlan;
use crate::sockets::run_state::Credentials;
use crate::verdict::judge::JudgeOptions;
use crate::wire::frame_reader::ReaderEngine;
use std::net::SocketAddr;
use std::time::Duration;

/// Everything that the command line says about a run.
#[derive(Debug)]
pub(crate) struct RunOptions {
    pub(crate) plan: RunPlan,
    pub(crate) ws: Target,
    pub(crate) api: Target,
    /// How to talk to the hub. `None` if it is Wavecast.
    pub(crate) dialect: Option<Dialect>,
    pub(crate) credentials: Credentials,
    pub(crate) source_ips: SourceIps,
    pub(crate) workers: u32,
    pub(crate) engine: ReaderEngine,
    /// Time limit for connect, upgrade and subscriptions.
    pub(crate) connect_timeout: Duration,
    /// How long to wait for the last deliveries.
    pub(crate) drain: Duration,
    /// Time limit of the whole run.
    pub(crate) limit_time: Duration,
    /// Allow a target that is not this machine.
    pub(crate) yes: bool,
    /// `None` watches the server if its process can be found.
    pub(crate) server_pid: Option<ServerPid>,
    pub(crate) display: DisplayFlags,
    /// Where to serve figures to Prometheus.
    pub(crate) metrics: Option<SocketAddr>,
    pub(crate) judging: JudgeOptions,
}
