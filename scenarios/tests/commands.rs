//! The drills of suite `commands`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("commands")
}
