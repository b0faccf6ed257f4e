//! The command line: `run` (the default), `codes`, `verify`, `import`, `status`, `alive`, `doctor`.

mod alive;
mod allocator;
mod codes;
mod crew;
mod doctor;
mod log;
mod run;
mod signals;
mod status;
mod verify;

use std::{io, process::ExitCode};

use clap::{Parser, Subcommand};
use signals::Signals;

use crate::{
    config::{Config, ConfigErrors, VARIABLES},
    identity::StartError,
    import::{self, ImportError},
    storage::{Store, StoreError},
    vault::{DataDirLock, LockError},
};

const EXIT_CODES: &str = "\
Exit codes:

  0   well; of `run`: ended by SIGTERM or SIGINT, also during its start
  1   it failed; of `status`: an identity does not serve; of `alive`: no bot answers; of `doctor`: something is broken
  2   the command line or the environment is wrong
  3   the data directory is in use by another process
  4   of `run`: a part of the bot ended or panicked, and it ended with it: start it anew";

/// A Matrix bot that vets newcomers and survives losing its credentials.
#[derive(Debug, Parser)]
#[command(
    name = "knock-approver",
    version,
    after_help = "Everything is set by environment variables. --help lists them, and the exit codes.",
    after_long_help = format!("{VARIABLES}\n{EXIT_CODES}")
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the bot (the default)
    Run,
    /// List, mint or revoke codes
    #[command(subcommand)]
    Codes(codes::Codes),
    /// Show the emoji of those who verify the bot from their app, and say whether they are the same there
    Verify(verify::Verify),
    /// Import the old approver's files now, without running
    Import,
    /// Say how the running bot is; exit code 1 unless it serves
    Status,
    /// Say by the exit code whether the running bot lives, serving or not: for health checks
    Alive,
    /// Look at configuration, tokens, device, keys, backup, rooms and power; a line each, with the cure. Changes nothing
    Doctor(doctor::Doctor),
}

/// Why a command ended badly.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("cannot {0}: {1}")]
    Io(String, io::Error),
    #[error(transparent)]
    Lost(#[from] crew::Loss),
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    const fn code(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Lost(crew::Loss::Misconfigured(_)) => 2,
            Self::Lock(LockError::Taken(_)) | Self::Start(StartError::Locked(LockError::Taken(_))) => 3,
            Self::Lost(_) => 4,
            _ => 1,
        }
    }
}

/// Runs the command line of this process.
#[expect(clippy::print_stderr, reason = "there is no log yet, or no more")]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::Run);
    if matches!(command, Command::Run)
        && let Err(error) = allocator::settle()
    {
        eprintln!("knock-approver: goes on with more memory than it needs: it cannot be started anew: {error}");
    }
    // Whatever is made from here on is for the owner alone: codes, keys, tokens.
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    match execute(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for line in error.to_string().lines() {
                eprintln!("knock-approver: {line}");
            }
            ExitCode::from(error.code())
        }
    }
}

fn execute(command: Command) -> Result<(), CliError> {
    let outcome = in_runtime(async {
        match command {
            Command::Run => {
                // Before anything that takes its time.
                let mut signals = Signals::listen()?;
                let config = Config::from_env()?;
                log::begin(config.log)?;
                run::run(config, &mut signals).await
            }
            Command::Codes(codes) => codes::execute(Config::from_env()?, codes).await,
            Command::Verify(verify) => verify::execute(Config::from_env()?, verify).await,
            Command::Import => take_over(&Config::from_env()?).await,
            Command::Status => status::execute(&Config::from_env()?).await,
            Command::Alive => alive::execute(&Config::from_env()?).await,
            Command::Doctor(doctor) => doctor::execute(&Config::from_env()?, &doctor).await,
        }
    });
    outcome.map_err(|error| CliError::Io("start the runtime".to_owned(), error))?
}

/// Runs to its end. What still runs then ends with the process, and not before: a runtime that is shut down cancels work on the SDK's
/// databases, whose pool panics then, in the last moment of a bot that ends well.
fn in_runtime<T>(work: impl Future<Output = T>) -> io::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(work);
    std::mem::forget(runtime);
    Ok(outcome)
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
async fn take_over(config: &Config) -> Result<(), CliError> {
    let _lock = DataDirLock::acquire(&config.data_dir)?;
    let (store, _) = Store::recover(&config.data_dir)?;
    match import::import(&store, &config.data_dir, &config.flow).await? {
        Some(taken) => println!(
            "imported {} codes, {} vettings, {} lobbies",
            taken.codes, taken.vettings, taken.lobbies
        ),
        None => println!("imported already; the old files are left alone"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    };

    use super::*;

    /// Like a connection of the SDK's pool: it needs the runtime for its own end.
    struct Connection(Arc<AtomicBool>);

    impl Drop for Connection {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    #[test]
    fn what_still_works_on_a_database_at_the_end_is_not_torn_down() {
        let torn = Arc::new(AtomicBool::new(false));
        let (begun, has_begun) = std::sync::mpsc::channel();
        let connection = Connection(torn.clone());
        let ended = in_runtime(async move {
            tokio::spawn(async move {
                let _connection = connection;
                begun.send(()).unwrap();
                std::future::pending::<()>().await;
            });
            tokio::task::spawn_blocking(move || has_begun.recv().unwrap())
                .await
                .unwrap();
            "well"
        });
        assert_eq!(ended.unwrap(), "well");
        assert!(!torn.load(Ordering::SeqCst));
    }
}
