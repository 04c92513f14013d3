//! The memory of a process, as the kernel counts it.

/// Kilobytes of memory that a process uses.
pub fn resident_kib(pid: u32) -> usize {
    status_kib(pid, "VmRSS:")
}

/// The most kilobytes of memory that a process has used since the last [`reset_peak`].
pub fn peak_kib(pid: u32) -> usize {
    status_kib(pid, "VmHWM:")
}

/// Returns the peak and starts to measure a new one.
pub fn reset_peak(pid: u32) -> usize {
    let peak = peak_kib(pid);
    std::fs::write(format!("/proc/{pid}/clear_refs"), "5").expect("a process of this user");
    peak
}

fn status_kib(pid: u32, name: &str) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("a process");
    let line = status.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_whitespace().nth(1));
    value.and_then(|value| value.parse().ok()).expect("a size")
}
