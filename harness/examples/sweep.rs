//! Removes what a run left behind: `cargo run --example sweep -- RUN`. Without a run: what dead processes left, of whatever run.
//!
//! Prints what it removed, or nothing when there was nothing. The exit code is 1 when something could not be removed.

#![expect(clippy::print_stdout, reason = "a program for the terminal")]

use std::{env, process::ExitCode};

use knockproof_harness::run::{RunId, Scope, sweep};

#[tokio::main]
async fn main() -> ExitCode {
    let run = env::args().nth(1).and_then(|text| RunId::from_text(&text));
    let swept = sweep(run.as_ref().map_or(Scope::Leftovers, Scope::Run)).await;
    if !swept.is_clean() {
        println!("{swept}");
    }
    if swept.failures.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
