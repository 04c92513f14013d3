//! The one table of exit codes.

use std::process::ExitCode;

/// How a run of the program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Every assertion held.
    Pass,
    /// The tester itself failed: its figures mean nothing.
    Internal,
    /// The command line made no sense (clap uses the same number).
    Usage,
    /// The machine or the target cannot carry this run; the fix was printed.
    Setup,
    /// Every assertion held, but the tester did not keep up: the latencies are its own.
    Tainted,
    /// An assertion failed (k6 uses the same number).
    Fail,
    /// Stopped by Ctrl-C or SIGTERM; the report covers what happened until then.
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
