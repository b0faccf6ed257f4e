//! The command line: `run` (the default), `codes`, `import`, `status`, `doctor`.
//!
//! Exit codes: 0 well; 1 failed; 2 the command line or the environment is wrong; 3 the data directory is in use by
//! another process.

mod allocator;
mod codes;
mod doctor;
mod run;
mod status;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    config::{Config, ConfigError, VARIABLES},
    identity::StartError,
    import::{self, ImportError},
    storage::{Store, StoreError},
    vault::{DataDirLock, LockError},
};

/// A Matrix bot that vets newcomers and survives losing its credentials.
#[derive(Debug, Parser)]
#[command(
    name = "knock-approver",
    version,
    after_help = "Everything is set by environment variables, which --help lists.",
    after_long_help = VARIABLES
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
    /// Import the old approver's files now, without running
    Import,
    /// Say how the running bot is; exit code 1 unless it serves
    Status,
    /// Look at configuration, tokens, device, keys, backup, rooms and power; a line each, with the cure. Changes nothing
    Doctor,
}

/// Why a command ended badly.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Lock(#[from] LockError),
    #[error(transparent)]
    Start(#[from] StartError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Import(#[from] ImportError),
    #[error("cannot {0}: {1}")]
    Io(String, std::io::Error),
    #[error("{0}")]
    Failed(String),
}

impl CliError {
    const fn code(&self) -> u8 {
        match self {
            Self::Config(_) => 2,
            Self::Lock(LockError::Taken(_)) | Self::Start(StartError::Locked(LockError::Taken(_))) => 3,
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
    match execute(command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("knock-approver: {error}");
            ExitCode::from(error.code())
        }
    }
}

fn execute(command: Command) -> Result<(), CliError> {
    let config = Config::from_env()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| CliError::Io("start the runtime".to_owned(), error))?;
    runtime.block_on(async {
        match command {
            Command::Run => run::run(config).await,
            Command::Codes(codes) => codes::execute(config, codes).await,
            Command::Import => take_over(&config).await,
            Command::Status => status::execute(&config).await,
            Command::Doctor => doctor::execute(&config).await,
        }
    })
}

#[expect(clippy::print_stdout, reason = "what the command is for")]
async fn take_over(config: &Config) -> Result<(), CliError> {
    let _lock = DataDirLock::acquire(&config.data_dir)?;
    let store = Store::open(&config.data_dir)?;
    match import::import(&store, &config.data_dir, &config.flow).await? {
        Some(taken) => println!(
            "imported {} codes, {} vettings, {} lobbies",
            taken.codes, taken.vettings, taken.lobbies
        ),
        None => println!("imported already; the old files are left alone"),
    }
    Ok(())
}
