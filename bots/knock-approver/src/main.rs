//! The binary `knock-approver`.

use std::process::ExitCode;

fn main() -> ExitCode {
    knock_approver::cli::main()
}
