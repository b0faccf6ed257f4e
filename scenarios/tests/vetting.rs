//! The drills of suite `vetting`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("vetting")
}
