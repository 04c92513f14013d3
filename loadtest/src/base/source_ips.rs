//! Source addresses. One address has about 28,000 local ports, so a run with many connections needs several.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// Connections per source address when `auto` chooses the addresses.
const SOCKETS_PER_IP: u32 = 4000;

/// The `--source-ips` flag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SourceIps {
    /// 127.0.0.2 and up if many connections go to an IPv4 loopback target; otherwise the kernel chooses.
    Auto,
    /// These addresses, in turn.
    Fixed(Vec<IpAddr>),
}

impl SourceIps {
    /// The addresses to bind, in turn. Empty if the kernel is to choose.
    pub(crate) fn for_run(&self, connections: u32, target: IpAddr) -> Vec<IpAddr> {
        match self {
            Self::Fixed(ips) => ips.clone(),
            Self::Auto
                if connections > SOCKETS_PER_IP && target.is_loopback() && target.is_ipv4() =>
            {
                let first = u32::from(Ipv4Addr::new(127, 0, 0, 2));
                (0..connections.div_ceil(SOCKETS_PER_IP))
                    .map(|i| IpAddr::V4(Ipv4Addr::from(first + i)))
                    .collect()
            }
            Self::Auto => Vec::new(),
        }
    }
}

impl FromStr for SourceIps {
    type Err = String;

    /// Accepts `auto`, or a comma-separated list of addresses (`127.0.0.2`) and ranges (`127.0.0.2-127.0.0.9`).
    fn from_str(text: &str) -> Result<Self, String> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let mut ips = Vec::new();
        for part in text.split(',') {
            if let Some((first, last)) = part.split_once('-') {
                let parse = |ip: &str| {
                    ip.parse::<Ipv4Addr>()
                        .map(u32::from)
                        .map_err(|_| format!("`{part}` is not a range of IPv4 addresses"))
                };
                let (first, last) = (parse(first)?, parse(last)?);
                if first > last || last - first >= 1024 {
                    return Err(format!(
                        "`{part}` must be an ascending range of at most 1024 addresses"
                    ));
                }
                ips.extend((first..=last).map(|ip| IpAddr::V4(Ipv4Addr::from(ip))));
            } else {
                ips.push(
                    part.parse()
                        .map_err(|_| format!("`{part}` is not an IP address"))?,
                );
            }
        }
        Ok(Self::Fixed(ips))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lists_and_ranges() {
        let ips: SourceIps = "127.0.0.2-127.0.0.4,127.0.0.9".parse().expect("valid");
        let SourceIps::Fixed(ips) = ips else {
            panic!("not auto")
        };
        assert_eq!(ips.len(), 4);
        assert_eq!(ips[2].to_string(), "127.0.0.4");
        assert!("127.0.0.9-127.0.0.2".parse::<SourceIps>().is_err());
        assert!("here".parse::<SourceIps>().is_err());
    }

    #[test]
    fn takes_more_addresses_for_more_sockets() {
        let loopback = "127.0.0.1".parse().expect("valid");
        assert!(SourceIps::Auto.for_run(1000, loopback).is_empty());
        assert_eq!(SourceIps::Auto.for_run(10_000, loopback).len(), 3);
        assert!(
            SourceIps::Auto
                .for_run(10_000, "10.0.0.1".parse().expect("valid"))
                .is_empty()
        );
    }
}
