//! The drills of suite `history`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("history")
}
