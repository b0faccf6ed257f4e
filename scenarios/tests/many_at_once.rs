//! The drills of suite `many_at_once`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("many_at_once")
}
