//! The drills of suite `healing_middle`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("healing_middle")
}
