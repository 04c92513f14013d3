//! Checks, before a run, for everything that would make it fail or distort it, and says how to fix it.

use crate::base::target::Target;
use crate::sockets::run_state::RunState;
use crate::wire::http_client::HttpClient;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::net::TcpStream;
use std::time::Duration;
use thiserror::Error;

/// Why the run cannot start, with the fix.
#[derive(Debug, Error)]
pub(crate) enum SetupError {
    #[error(
        "the run needs {needed} open files, but the hard limit is {limit}\n  fix: ulimit -Hn {needed}, or LimitNOFILE= in the systemd unit, or no more than -c {fits}"
    )]
    Files { needed: u64, limit: u64, fits: u64 },
    #[error(
        "{connections} sockets need more than {ports} local ports on each of {ips} source address(es)\n  fix: --source-ips 127.0.0.2-127.0.0.{last}, or sysctl -w net.ipv4.ip_local_port_range=\"1024 65535\""
    )]
    Ports {
        connections: u32,
        ports: u64,
        ips: u64,
        last: u64,
    },
    #[error(
        "cannot bind the source address {ip}: {kind}\n  fix: give addresses of this machine with --source-ips (`ip addr` lists them)"
    )]
    SourceIp {
        ip: std::net::IpAddr,
        kind: std::io::ErrorKind,
    },
    #[error("{host} is not this machine\n  fix: add --yes if you are allowed to load-test it")]
    NotLoopback { host: String },
    #[error(
        "no answer from http://{host}: {cause}\n  fix: start the server there, or give its addresses with --url and --api"
    )]
    NoServer { host: String, cause: String },
    #[error(
        "http://{host}/healthz answered {status}\n  fix: wait until the server is healthy, or give the right address with --api"
    )]
    Unhealthy { host: String, status: u16 },
    #[error("the run may take {needed:.0?}, which is more than --limit-time\n  fix: --limit-time {}s", needed.as_secs() + 1)]
    Limit { needed: Duration },
}

/// Open files other than the sockets of the run: runtimes, standard streams, the program itself.
const OTHER_FILES: u64 = 64;

/// Checks everything, and raises the soft limit of open files to the hard limit. Returns notes for the user.
pub(crate) fn check(
    state: &RunState,
    limit_time: Duration,
    drain: Duration,
    yes: bool,
) -> Result<Vec<String>, SetupError> {
    let plan = &state.plan;
    for target in [&state.ws, &state.api] {
        if !yes && !target.is_loopback() {
            return Err(SetupError::NotLoopback {
                host: target.host.clone(),
            });
        }
    }
    let connecting = Duration::from_secs_f64(f64::from(plan.connections) / plan.connect_rate);
    let needed = connecting + state.connect_timeout + plan.duration + drain;
    if needed > limit_time {
        return Err(SetupError::Limit { needed });
    }
    let notes = raise_file_limit(plan.connections, plan.publishers)?;
    check_ports(state)?;
    for &ip in &state.source_ips {
        std::net::TcpListener::bind((ip, 0)).map_err(|error| SetupError::SourceIp {
            ip,
            kind: error.kind(),
        })?;
    }
    if state.dialect.is_some() {
        return reaches(&state.ws)
            .and_then(|()| reaches(&state.api))
            .map(|()| notes);
    }
    let host = state.api.host.clone();
    let mut client = HttpClient::new(state.api.clone(), Duration::from_secs(5));
    match client.send("GET", "/healthz", b"") {
        Ok(reply) if (200..300).contains(&reply.status) => Ok(notes),
        Ok(reply) => Err(SetupError::Unhealthy {
            host,
            status: reply.status,
        }),
        Err(error) => Err(SetupError::NoServer {
            host,
            cause: error.to_string(),
        }),
    }
}

/// Checks the same for a scripted scenario, as far as it applies.
pub(crate) fn check_scene(
    ws: &Target,
    api: &Target,
    connections: u32,
    yes: bool,
) -> Result<(), SetupError> {
    for target in [ws, api] {
        if !yes && !target.is_loopback() {
            return Err(SetupError::NotLoopback {
                host: target.host.clone(),
            });
        }
    }
    raise_file_limit(connections, 1)?;
    reaches(ws).and_then(|()| reaches(api))
}

/// Whether somebody listens there. How to ask a hub whether it is healthy is not known.
fn reaches(target: &Target) -> Result<(), SetupError> {
    TcpStream::connect_timeout(&target.addr, Duration::from_secs(5))
        .map(drop)
        .map_err(|error| SetupError::NoServer {
            host: target.host.clone(),
            cause: error.to_string(),
        })
}

fn raise_file_limit(connections: u32, publishers: u32) -> Result<Vec<String>, SetupError> {
    let needed = u64::from(connections) + u64::from(publishers) + OTHER_FILES;
    // If the limit cannot be read, running into it shows up as a class of failed connects.
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else {
        return Ok(Vec::new());
    };
    if needed > hard {
        return Err(SetupError::Files {
            needed,
            limit: hard,
            fits: hard.saturating_sub(u64::from(publishers) + OTHER_FILES),
        });
    }
    if soft < hard && setrlimit(Resource::RLIMIT_NOFILE, hard, hard).is_ok() {
        return Ok(vec![format!("open files: raised from {soft} to {hard}")]);
    }
    Ok(Vec::new())
}

fn check_ports(state: &RunState) -> Result<(), SetupError> {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range");
    let range = range.unwrap_or_default();
    let mut bounds = range.split_whitespace().map(str::parse::<u64>);
    let (Some(Ok(first)), Some(Ok(last))) = (bounds.next(), bounds.next()) else {
        return Ok(());
    };
    let ports = (last + 1).saturating_sub(first);
    let ips = state.source_ips.len().max(1) as u64;
    let connections = state.plan.connections;
    if u64::from(connections) > ports * ips {
        return Err(SetupError::Ports {
            connections,
            ports,
            ips,
            last: 2 + u64::from(connections) / ports.max(1),
        });
    }
    Ok(())
}
