//! The `wavecast` binary: arguments in, exit code out.

#![deny(clippy::print_stdout, clippy::print_stderr)]

use std::process::ExitCode;

/// Chosen because it returns freed memory to the system: after an attack, or when many clients have
/// left, the process shrinks again.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    #[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
    return_unused_memory();
    wavecast::cli::main()
}

/// Starts jemalloc's background threads. Without them, only threads that allocate return memory, and
/// an idle server keeps it.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
fn return_unused_memory() {
    // Fails only if no thread can be started; the server then works, and just returns less.
    let _ = tikv_jemalloc_ctl::background_thread::write(true);
}
