//! The memory that this process may use.

use std::fs::read_to_string;
use std::path::Path;

/// The smallest limit that is in force: of the control groups, of the address space
/// (`RLIMIT_AS`), or the physical memory. `None` where the system does not say.
pub(super) fn usable() -> Option<usize> {
    let read = |path: &Path| read_to_string(path).ok();
    let physical = read(Path::new("/proc/meminfo")).and_then(|text| physical(&text));
    let limits = read(Path::new("/proc/self/limits"));
    let address_space = limits.and_then(|text| address_space(&text));
    let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let limits = [physical, address_space, of_groups(&groups, read)];
    let least = limits.into_iter().flatten().min()?;
    Some(usize::try_from(least).unwrap_or(usize::MAX))
}

/// `MemTotal` of `/proc/meminfo`.
fn physical(meminfo: &str) -> Option<u64> {
    let total = meminfo
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = total.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// The soft limit of the address space in `/proc/self/limits`, if there is one.
fn address_space(limits: &str) -> Option<u64> {
    let mut lines = limits.lines();
    let line = lines.find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The smallest limit of the groups in `/proc/self/cgroup` and of their parents, of version 1 and
/// 2. In a container, the group's own path may not exist; its limit is then at the root.
fn of_groups(groups: &str, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let limits = groups.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (root, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            return None;
        };
        let path = Path::new(path.trim_start_matches('/'));
        let ancestors = path.ancestors().map(|group| Path::new(root).join(group));
        // `max` is not a number, and means no limit.
        let limits = ancestors.filter_map(|group| read(&group.join(file))?.trim().parse().ok());
        limits.min()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_limit_of_a_group_and_its_parents_counts() {
        let files = |path: &Path| {
            let text = match path.to_str()? {
                "/sys/fs/cgroup/memory.max" => "max\n",
                "/sys/fs/cgroup/edge/memory.max" => "1000\n",
                "/sys/fs/cgroup/edge/one/memory.max" => "2000\n",
                "/sys/fs/cgroup/memory/memory.limit_in_bytes" => "9223372036854771712\n",
                "/sys/fs/cgroup/memory/box/memory.limit_in_bytes" => "500\n",
                _ => return None,
            };
            Some(text.to_owned())
        };
        assert_eq!(of_groups("0::/edge/one\n", files), Some(1000));
        assert_eq!(of_groups("0::/\n", files), None);
        assert_eq!(of_groups("4:memory:/box\n0::/\n", files), Some(500));
        assert_eq!(
            of_groups("4:cpu,memory:/hidden\n", files),
            Some(9_223_372_036_854_771_712)
        );
        assert_eq!(of_groups("3:cpu:/box\nnonsense\n", files), None);
    }

    #[test]
    fn reads_the_tables_of_the_kernel() {
        let meminfo = "MemTotal:       24684092 kB\nMemFree:         8296748 kB\n";
        assert_eq!(physical(meminfo), Some(24_684_092 * 1024));
        let limits = |limit| {
            format!(
                "Limit  Soft Limit  Hard Limit  Units\nMax address space  {limit}  unlimited  bytes\n"
            )
        };
        assert_eq!(address_space(&limits("unlimited")), None);
        assert_eq!(address_space(&limits("4096")), Some(4096));
        assert_eq!(address_space(""), None);
    }
}
