//! The process of the server: given, or found by the port it listens on.

use super::process::ProcessSample;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// The `--server-pid` flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerPid {
    /// The process that listens on the port of the target, if it is on this machine and may be inspected.
    Auto,
    /// The process with this id.
    Pid(u32),
    /// Do not watch the server.
    Unwatched,
}

impl FromStr for ServerPid {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "none" => Ok(Self::Unwatched),
            _ => text
                .parse()
                .map(Self::Pid)
                .map_err(|_| format!("`{text}` is not a process id, auto or none")),
        }
    }
}

impl ServerPid {
    /// The id of the process to watch. `None` if it cannot be found, or is the tester itself.
    pub(crate) fn find(self, target: SocketAddr) -> Option<u32> {
        let pid = match self {
            Self::Pid(pid) => Some(pid),
            Self::Auto if target.ip().is_loopback() => listener_of(target),
            Self::Auto | Self::Unwatched => None,
        };
        pid.filter(|&pid| pid != std::process::id() && ProcessSample::take(pid).is_some())
    }
}

/// The process that listens on `target`. `/proc/net/tcp` has the inode of its socket, and `/proc/PID/fd` the descriptor.
fn listener_of(target: SocketAddr) -> Option<u32> {
    let table = match target.ip() {
        IpAddr::V4(_) => ["/proc/net/tcp", "/proc/net/tcp6"],
        IpAddr::V6(_) => ["/proc/net/tcp6", "/proc/net/tcp"],
    };
    let inode = table
        .iter()
        .find_map(|path| listening_inode(&fs::read_to_string(path).ok()?, target.port()))?;
    let wanted = format!("socket:[{inode}]");
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        fs::read_dir(entry.path().join("fd"))
            .ok()?
            .flatten()
            .any(|fd| fs::read_link(fd.path()).is_ok_and(|link| link.as_os_str() == &*wanted))
            .then_some(pid)
    })
}

fn listening_inode(table: &str, port: u16) -> Option<u64> {
    const LISTEN: &str = "0A";
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, local_port) = fields.get(1)?.rsplit_once(':')?;
        let listens = *fields.get(3)? == LISTEN;
        (listens && u16::from_str_radix(local_port, 16) == Ok(port))
            .then(|| fields.get(9)?.parse().ok())?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_process_that_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let addr = listener.local_addr().expect("an address");
        assert_eq!(listener_of(addr), Some(std::process::id()));
        assert_eq!(
            ServerPid::Auto.find(addr),
            None,
            "the tester does not watch itself"
        );
        drop(listener);
        assert_eq!(listener_of(addr), None);
    }
}
