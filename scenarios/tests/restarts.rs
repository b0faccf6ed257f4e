//! The drills of suite `restarts`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("restarts")
}
