//! The binary `knock-approver`.

use std::process::ExitCode;

fn main() -> ExitCode {
    bots::cli::main()
}
