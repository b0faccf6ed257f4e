//! The drills of suite `edge_cases`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("edge_cases")
}
