//! What can be written on the command line.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Args, Parser, Subcommand};
use harness::plan::Injection;

use crate::draft::Library;

/// Proves that a Matrix bot survives losing its credentials.
#[derive(Debug, Parser)]
#[command(name = "knockproof", version, about, after_help = AFTER_HELP)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Exit codes and environment, under every help text.
const AFTER_HELP: &str = "\
Exit codes: 0 everything that ran passed, 1 something failed, 2 could not run,
130 ended by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP (a second signal ends at once).

Environment: KNOCKPROOF_HOMESERVER (which homeserver), KNOCKPROOF_BOT (a command that stands in for the bot),
KNOCKPROOF_BOT_IMAGE (a container image that does), KNOCKPROOF_ARTIFACTS (where logs and traffic of failed drills go),
KNOCKPROOF_KEEP=1 (keep those of passed drills too),
KNOCKPROOF_IMAGE, KNOCKPROOF_HOMESERVER_BIN, KNOCKPROOF_SYNAPSE_VENV (what the homeserver is started from; nothing else is
taken in place of what is named), TMPDIR (where worlds keep their data while they last).";

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Break the bot's credentials on purpose and check that everything still works.
    #[command(after_help = AFTER_HELP)]
    Drill(DrillArgs),
    /// Keep a world running, with everything needed to use and to break it by hand, until Ctrl-C.
    Up(UpArgs),
    /// Measure how fast and how big homeservers, worlds, drills and the bot are, compared with each other.
    #[command(after_help = AFTER_HELP)]
    Bench(BenchArgs),
    /// Help with the contract of a bot: what `drill --contract` has to know of it.
    #[command(subcommand)]
    Contract(ContractCommand),
    /// Work with the reports of runs.
    #[command(subcommand)]
    Report(ReportCommand),
    /// Write the contract of a bot, from what its folder shows and what you answer.
    Init(InitArgs),
    /// Print what a shell needs to complete this command.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page.
    Man(ManArgs),
    /// Write the pages of the guide that the code knows best into a folder.
    #[command(hide = true)]
    Guide {
        /// The folder.
        folder: PathBuf,
    },
    /// Name every scenario with its steps, every fault, moment, check and bench, and the homeservers at hand.
    List,
}

/// What to do with a contract.
#[derive(Debug, Subcommand)]
pub enum ContractCommand {
    /// Say whether a file is a contract, with line and cure where it is not, and what its bot can be drilled with.
    Check {
        /// The contract, a file of TOML.
        file: PathBuf,
    },
    /// Print what a contract may hold, as JSON Schema, for editors and for programs that write contracts.
    Schema,
}

/// Which bot to write a contract for.
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    /// The bot's folder.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
    /// The contract's file, in that folder.
    #[arg(long, value_name = "FILE", default_value = "knockproof.toml")]
    pub output: PathBuf,
    /// Its library: matrix-sdk, mautrix, matrix-nio, matrix-bot-sdk, matrix-js-sdk [default: what the folder shows].
    #[arg(long, value_name = "NAME")]
    pub library: Option<Library>,
    /// What it is called.
    #[arg(long)]
    pub name: Option<String>,
    /// The command that starts it, in its folder.
    #[arg(long, value_name = "WORDS")]
    pub command: Option<String>,
    /// What can be said to it.
    #[arg(long, value_name = "TEXT")]
    pub say: Option<String>,
    /// What stands in its answer.
    #[arg(long, value_name = "TEXT")]
    pub expect: Option<String>,
    /// Whether it reads and writes in encrypted rooms.
    #[arg(long, value_name = "true|false")]
    pub encryption: Option<bool>,
    /// Ask nothing: take what is given and what the folder shows.
    #[arg(short, long)]
    pub yes: bool,
    /// Write over a contract that is there.
    #[arg(long)]
    pub force: bool,
}

/// Which manual.
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// The page of this command [default: of the whole].
    pub command: Option<String>,
    /// Write every page into this folder instead.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// What to do with reports.
#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    /// Put a run together of parts that ran apart (the report.json of each `--report`, or what `--json` wrote).
    Merge(MergeArgs),
    /// Print what became of several bots after each fault, as a table in Markdown: the report of each, named for its bot (BOT.json).
    Libraries {
        /// The reports.
        #[arg(required = true, value_name = "BOT.json")]
        files: Vec<PathBuf>,
    },
}

/// What to put together.
#[derive(Debug, Clone, Args)]
pub struct MergeArgs {
    /// The parts, all of one seed.
    #[arg(required = true, value_name = "REPORT.json")]
    pub files: Vec<PathBuf>,
    /// Where the whole goes.
    #[command(flatten)]
    pub page: PageArgs,
}

/// A report that one looks at.
#[derive(Debug, Clone, Default, Args)]
pub struct PageArgs {
    /// Write a report into this folder: index.html (one file, needs no network), report.json and junit.xml.
    #[arg(long, value_name = "DIR")]
    pub report: Option<PathBuf>,
    /// Open the page when it is written.
    #[arg(long, requires = "report")]
    pub open: bool,
    /// Say in the report what got worse and better since this run (its report.json, or what `--json` wrote).
    #[arg(long, value_name = "OLD.json", requires = "report")]
    pub compare: Option<PathBuf>,
}

/// Which drills to run, and how. Several names are separated by commas, or the option is repeated.
#[derive(Debug, Clone, Args)]
pub struct DrillArgs {
    /// Homeservers to run on: auto, conduwuit, continuwuity, tuwunel, synapse, embedded, or one with its driver (synapse-process).
    #[arg(long, value_name = "NAME", value_delimiter = ',', env = "KNOCKPROOF_HOMESERVER")]
    pub homeserver: Vec<String>,
    /// Drill the bot that this contract describes (TOML) in knock-approver's place: it is asked what the contract says, after every fault
    /// of the harness that it can suffer. See `knockproof contract check`.
    #[arg(long, value_name = "FILE")]
    pub contract: Option<PathBuf>,
    /// Scenarios to run [default: all].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub scenario: Vec<String>,
    /// Faults to drill: names, `all`, or `none` for the plain scenario [default: every one with smoke, and in the middle of
    /// each other scenario one of its own, or all of those where a scenario is named].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub fault: Vec<String>,
    /// Moments of the fault: first-boot, at-boot, while-running, in-the-middle [default: all that make sense]; a request of the bot's start
    /// that is held meanwhile, as before-sync, after-keys-query or after-sync-2; `traffic` for all to which every start comes.
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub moment: Vec<String>,
    /// Several faults one after another in one drill, each healed before the next: FAULT/MOMENT,FAULT/MOMENT,…
    #[arg(long, value_name = "LIST", value_delimiter = ',', conflicts_with_all = ["fault", "moment"])]
    pub schedule: Vec<Injection>,
    /// So many drills with schedules of 2 to 6 faults drawn from the seed, with smoke [default scenario]. One that fails is shortened as long
    /// as it fails. --fault and --moment narrow what is drawn from.
    #[arg(long, value_name = "N", conflicts_with = "schedule")]
    pub random: Option<NonZeroUsize>,
    /// Identities of the bot that the fault hits, all at once [default: the first; and, where no fault is named, a few faults for the others
    /// and for all, or every one where a scenario or a moment is named].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub identity: Vec<String>,
    /// Seed for names, codes and passwords [default: a new one, shown in the first line].
    #[arg(long, value_name = "N", env = "KNOCKPROOF_SEED")]
    pub seed: Option<u64>,
    /// Drills that run side by side [default: on the embedded homeserver, for each core 2 that work and 6 that wait; on real ones, for two
    /// cores 2 that work and 3 that wait, as far as the memory goes].
    #[arg(long, value_name = "N")]
    pub jobs: Option<NonZeroUsize>,
    /// Write the report as JSON to this file (its schema: documentation of `harness::report`); `-` is standard output, and everything
    /// else goes to standard error then.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Where a report goes that one looks at.
    #[command(flatten)]
    pub page: PageArgs,
    /// After the first drill that fails, begin no other.
    #[arg(long)]
    pub fail_fast: bool,
    /// Say what would be drilled, on what, and run nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Tell a drill that failed in full: every step and check, what happened, the last requests.
    #[arg(short, long)]
    pub verbose: bool,
}

/// Which world to keep running.
#[derive(Debug, Clone, Args)]
pub struct UpArgs {
    /// The homeserver: auto, conduwuit, continuwuity, tuwunel, synapse, embedded, or one with its driver (synapse-process).
    #[arg(long, value_name = "NAME", env = "KNOCKPROOF_HOMESERVER", default_value = "auto")]
    pub homeserver: String,
    /// Seed for names, codes and passwords [default: a new one].
    #[arg(long, value_name = "N", env = "KNOCKPROOF_SEED")]
    pub seed: Option<u64>,
    /// For tests of your own: print the world as one line of JSON (URLs, accounts, tokens, rooms, the environment for a bot), say nothing else,
    /// and end when standard input does.
    #[arg(long)]
    pub json: bool,
    /// With --json: the environment, and the rooms, are those of this contract.
    #[arg(long, value_name = "FILE", requires = "json")]
    pub contract: Option<PathBuf>,
    /// With --contract: start the bot too, and wait until it serves.
    #[arg(long, requires = "contract")]
    pub start: bool,
}

/// What to measure, and on what.
#[derive(Clone, Debug, Args)]
pub struct BenchArgs {
    /// Homeservers to measure on, the most thoroughly measured first [default: embedded, and every real one that can be run as a process].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub homeserver: Vec<String>,
    /// Benches to run; `knockproof list` names them [default: all].
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub only: Vec<String>,
    /// The cargo profile that the bot is built with: dev, release [default: this program's own].
    #[arg(long, value_name = "PROFILE")]
    pub bot_profile: Option<String>,
    /// Seed for names, codes and passwords [default: a new one].
    #[arg(long, value_name = "N", env = "KNOCKPROOF_SEED")]
    pub seed: Option<u64>,
    /// A missed aim is a failure.
    #[arg(long)]
    pub strict: bool,
    /// Write the figures as JSON to this file (its shape: documentation of `scenarios::bench`).
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn names_may_be_repeated_or_separated_by_commas() {
        let cli = Cli::try_parse_from(["knockproof", "drill", "--fault", "a,b", "--fault", "c"]).unwrap();
        let Command::Drill(args) = cli.command else {
            panic!("not a drill: {cli:?}")
        };
        assert_eq!(args.fault, ["a", "b", "c"]);
    }
}
