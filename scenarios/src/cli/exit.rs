//! The exit codes.

use std::process::{ExitCode, Termination};

use super::Signal;
use harness::report::Report;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Everything that ran passed.
    Passed,
    /// Something failed.
    Failed,
    /// Nothing could be run.
    CouldNotRun,
    /// Ended by a signal.
    Interrupted(Signal),
}

impl Exit {
    /// As a run went.
    pub(super) fn of(report: &Report) -> Self {
        match report.exit_code() {
            0 => Self::Passed,
            1 => Self::Failed,
            _ => Self::CouldNotRun,
        }
    }

    /// The exit code.
    pub const fn code(self) -> u8 {
        match self {
            Self::Passed => 0,
            Self::Failed => 1,
            Self::CouldNotRun => 2,
            // As shells have it.
            Self::Interrupted(signal) => 128 + signal.number(),
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        ExitCode::from(self.code())
    }
}
