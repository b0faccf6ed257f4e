//! The drills of suite `signup_refusals`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("signup_refusals")
}
