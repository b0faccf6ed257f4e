//! The command line: `knockproof drill`, `knockproof up`, `knockproof bench`, `knockproof list`.
//!
//! Exit codes: 0 everything that ran passed, 1 something failed, 2 could not run (bad usage, unknown name, homeserver not at hand, bot
//! that does not compile, nothing left to run), 130 ended by Ctrl-C.

mod args;
mod bench;
mod drill;
mod exit;
mod list;
mod up;

use std::io::{Write, stderr, stdout};

use clap::Parser;

pub use args::{BenchArgs, Cli, Command, DrillArgs, UpArgs};
pub use exit::Exit;

/// Runs the command line of this process.
pub fn main() -> Exit {
    run(std::env::args_os())
}

/// Runs `knockproof bench` for `cargo bench`, which names its program and adds `--bench`.
///
/// Without `--bench` it is some test runner that has built this program with everything else: a bench is no test, and none is run.
pub fn bench_main() -> Exit {
    let mut arguments: Vec<_> = std::env::args_os().skip(1).collect();
    let wished = arguments.iter().any(|argument| argument == "--bench");
    if !wished {
        return Exit::Passed;
    }
    arguments.retain(|argument| argument != "--bench");
    run(["knockproof".into(), "bench".into()].into_iter().chain(arguments))
}

fn run(arguments: impl Iterator<Item = std::ffi::OsString>) -> Exit {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(usage) => {
            // Help and version are asked for, so they are no failure; clap knows which stream is meant.
            let _ = usage.print();
            return if usage.use_stderr() {
                Exit::CouldNotRun
            } else {
                Exit::Passed
            };
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return refuse(&format!("cannot start the runtime: {error}")),
    };
    runtime.block_on(async {
        match cli.command {
            Command::Up(args) => up::run(args, interrupted()).await,
            Command::Drill(args) => or_interrupted(drill::run(args)).await,
            Command::Bench(args) => or_interrupted(bench::run(args)).await,
            Command::List => or_interrupted(list::run(&mut stdout())).await,
        }
    })
}

/// Ends `work` on Ctrl-C. Being dropped, it removes everything it has started.
async fn or_interrupted(work: impl Future<Output = Exit>) -> Exit {
    tokio::select! {
        exit = work => exit,
        () = interrupted() => Exit::Interrupted,
    }
}

/// Says in one line why nothing can be run.
fn refuse(why: &str) -> Exit {
    let _ = writeln!(stderr(), "knockproof: {why}");
    Exit::CouldNotRun
}

/// Waits for Ctrl-C, or for the signal with which a supervisor ends this process.
async fn interrupted() {
    let Ok(mut terminate) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => if pressed.is_err() { std::future::pending().await },
        _ = terminate.recv() => {}
    }
}
