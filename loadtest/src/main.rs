//! The load tester: parses nothing itself, only turns the outcome into an exit code.

fn main() -> std::process::ExitCode {
    loadtest::main()
}
