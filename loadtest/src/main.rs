//! The `loadtest` program. Everything is in the library.

fn main() -> std::process::ExitCode {
    loadtest::main()
}
