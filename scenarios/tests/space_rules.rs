//! The drills of suite `space_rules`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("space_rules")
}
