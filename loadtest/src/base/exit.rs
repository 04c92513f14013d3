//! The table of exit codes.

use std::process::ExitCode;

/// How the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Every assertion passed.
    Pass,
    /// The tester itself failed, so there are no usable figures.
    Internal,
    /// Invalid command line (clap uses the same code).
    Usage,
    /// The machine or the target is not ready for this run. The fix has been printed. Or a run passed, but a report of it
    /// could not be written.
    Setup,
    /// Every assertion passed, but the tester could not keep up, so the latencies are partly its own.
    Tainted,
    /// An assertion failed (k6 uses the same code).
    Fail,
    /// Stopped by Ctrl-C or SIGTERM. The report covers the run up to that point.
    Interrupted,
}

impl Exit {
    /// The process exit code.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Pass => 0,
            Self::Internal => 1,
            Self::Usage => 2,
            Self::Setup => 3,
            Self::Tainted => 98,
            Self::Fail => 99,
            Self::Interrupted => 130,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn has_the_documented_codes() {
        let exits = [
            Exit::Pass,
            Exit::Internal,
            Exit::Usage,
            Exit::Setup,
            Exit::Tainted,
            Exit::Fail,
            Exit::Interrupted,
        ];
        assert_eq!(exits.map(Exit::code), [0, 1, 2, 3, 98, 99, 130]);
    }
}
