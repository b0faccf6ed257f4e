//! The drills of suite `healing_running`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("healing_running")
}
