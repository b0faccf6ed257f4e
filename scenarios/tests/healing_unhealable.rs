//! The drills of suite `healing_unhealable`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("healing_unhealable")
}
