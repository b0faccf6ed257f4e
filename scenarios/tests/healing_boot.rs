//! The drills of suite `healing_boot`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("healing_boot")
}
