//! File descriptors: how many there are, and how many of them are kept for other things than
//! WebSockets and event streams.

use rustix::process::{Resource, getrlimit, setrlimit};

/// The reserve is this many, and 1 % of all.
const RESERVE: u64 = 64;
/// Even a process with few descriptors keeps this many.
const MIN_RESERVE: u64 = 16;

/// Each connection takes a descriptor: use all that the system allows. Where it refuses,
/// the limit stays as it is.
pub(super) fn raise_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

/// The number of WebSockets and event streams that leave a reserve, so that health checks and
/// the API can always be accepted; 0 if there is no limit.
pub(super) fn max_connections() -> usize {
    let limit = getrlimit(Resource::Nofile).current;
    limit.map_or(0, |descriptors| less_reserve(descriptors) as usize)
}

fn less_reserve(descriptors: u64) -> u64 {
    let reserve = RESERVE + descriptors / 100;
    let reserve = reserve.min(descriptors / 2).max(MIN_RESERVE);
    // At least one: 0 would be no limit.
    descriptors.saturating_sub(reserve).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reserve_is_kept_of_few_descriptors_and_of_many() {
        assert_eq!(less_reserve(1_000_000), 1_000_000 - 64 - 10_000);
        assert_eq!(less_reserve(1024), 1024 - 64 - 10);
        assert_eq!(less_reserve(64), 32);
        assert_eq!(less_reserve(20), 4);
        assert_eq!(less_reserve(3), 1);
    }
}
