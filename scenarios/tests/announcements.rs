//! The drills of suite `announcements`, one test each.

mod common;

fn main() -> std::process::ExitCode {
    common::run("announcements")
}
