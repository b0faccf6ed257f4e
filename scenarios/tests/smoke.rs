//! The drills of suite `smoke`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("smoke")
}
