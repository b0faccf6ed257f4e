//! The drills of suite `lobby`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("lobby")
}
