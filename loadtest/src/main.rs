//! The `loadtest` program. Everything is in the library.

#![deny(clippy::print_stdout, clippy::print_stderr)]

fn main() -> std::process::ExitCode {
    loadtest::main()
}
