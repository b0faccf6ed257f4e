//! The command line: `knockproof drill`, `knockproof up`, `knockproof bench`, `knockproof contract`,
//! `knockproof report`, `knockproof init`, `knockproof list`, `knockproof completions`, `knockproof man`.
//!
//! Exit codes: 0 everything that ran passed, 1 something failed, 2 could not run (bad usage, unknown name, homeserver not at hand, bot
//! that does not compile or cannot be executed, nothing left to run), 130 ended by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP.

mod args;
mod bench;
mod contract;
mod drill;
mod exit;
mod init;
mod list;
mod publish;
mod report;
mod shell;
mod signal;
mod up;
mod world;

use std::io::{Write, stderr, stdin, stdout};

use clap::Parser;

pub use args::{BenchArgs, Cli, Command, DrillArgs, InitArgs, ManArgs, MergeArgs, PageArgs, UpArgs};
pub use exit::Exit;
pub use signal::Signal;

use self::signal::Signals;
use crate::guide;

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
    let exit = runtime.block_on(async {
        let signals = match Signals::listen() {
            Ok(signals) => signals,
            Err(error) => return refuse(&format!("cannot listen for signals: {error}")),
        };
        match cli.command {
            Command::Up(args) if args.json => world::run(&args, signals.first()).await,
            Command::Up(args) => up::run(args, signals.first()).await,
            Command::Drill(args) => drill::run(args, &signals).await,
            Command::Bench(args) => or_interrupted(bench::run(args), &signals).await,
            Command::Contract(command) => contract::run(&command, &mut stdout()),
            Command::Init(args) => init::run(&args, &mut stdin().lock(), &mut stdout()),
            Command::Completions { shell } => shell::completions(shell, &mut stdout()),
            Command::Man(args) => shell::man(&args, &mut stdout()),
            Command::Report(command) => report::run(&command),
            Command::Guide { folder } => match guide::write(&folder) {
                Ok(()) => Exit::Passed,
                Err(error) => refuse(&error.to_string()),
            },
            Command::List => or_interrupted(list::run(&mut stdout()), &signals).await,
        }
    });
    // Whatever still blocks a thread has nothing more to say.
    runtime.shutdown_background();
    exit
}

/// Ends `work` at a signal. Being dropped, it removes everything it has started.
async fn or_interrupted(work: impl Future<Output = Exit>, signals: &Signals) -> Exit {
    tokio::select! {
        exit = work => exit,
        signal = signals.first() => Exit::Interrupted(signal),
    }
}

/// Says in one line why nothing can be run.
fn refuse(why: &str) -> Exit {
    let _ = writeln!(stderr(), "knockproof: {why}");
    Exit::CouldNotRun
}
