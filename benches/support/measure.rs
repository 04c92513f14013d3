//! CPU time and statistics for the benchmarks.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// CPU time of this process: user and system time of all threads.
#[allow(dead_code, reason = "not every benchmark needs it")]
pub(crate) fn cpu_time() -> Duration {
    time_of(ClockId::ProcessCPUTime)
}

/// CPU time of this thread.
#[allow(dead_code, reason = "not every benchmark needs it")]
pub(crate) fn thread_cpu_time() -> Duration {
    time_of(ClockId::ThreadCPUTime)
}

fn time_of(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    let seconds = u64::try_from(time.tv_sec).expect("a time after the start");
    Duration::new(seconds, u32::try_from(time.tv_nsec).expect("nanoseconds"))
}

/// The median.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}
