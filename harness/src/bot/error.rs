use std::{io, process::ExitStatus};

use crate::wait::TimedOut;

/// What can go wrong with the bot's process.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `KNOCKPROOF_BOT` cannot be read.
    #[error("KNOCKPROOF_BOT holds no command; give it words quoted as in a shell")]
    BadCommand,
    /// There is no such program.
    #[error("there is no {name} (looked in {looked}); build or install it, or name another bot in KNOCKPROOF_BOT")]
    NoProgram {
        /// Its name in the contract.
        name: String,
        /// Where it was looked for.
        looked: String,
    },
    /// Both a command and an image stand in for the contract's bot.
    #[error("KNOCKPROOF_BOT and KNOCKPROOF_BOT_IMAGE both name a bot; unset one of them")]
    TwoBots,
    /// The bot is in an image that cannot be had, or that cannot be run here.
    #[error("the bot is in the image {image}, and that cannot be run: {reason}")]
    Image {
        /// The image.
        image: String,
        /// What is in the way.
        reason: String,
    },
    /// A file or process could not be handled.
    #[error("failed to {action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// What came back.
        source: io::Error,
    },
    /// The process ended although it should run.
    #[error("the bot ended ({status}) while {what}; its last lines:\n{last_lines}")]
    Ended {
        /// How it ended.
        status: ExitStatus,
        /// What was waited for.
        what: String,
        /// The end of its log.
        last_lines: String,
    },
    /// It did not come to the state waited for.
    #[error("{timed_out}\nthe bot's last lines:\n{last_lines}")]
    NotInTime {
        /// What was waited for.
        timed_out: TimedOut,
        /// The end of its log.
        last_lines: String,
    },
    /// Its HTTP side did not answer.
    #[error("the bot does not answer: {0}")]
    Silent(#[from] crate::client::Error),
    /// It runs although it should not, or the other way round.
    #[error("cannot {action}: the bot is {state}")]
    State {
        /// What was asked for.
        action: &'static str,
        /// What it is.
        state: &'static str,
    },
}

/// Shorthand.
pub type Result<T, E = Error> = std::result::Result<T, E>;
