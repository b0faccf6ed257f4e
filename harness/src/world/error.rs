use std::io;

use crate::{bot, client, front_door, homeserver, wait::TimedOut};

/// What can go wrong with a world.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The homeserver.
    #[error(transparent)]
    Homeserver(#[from] homeserver::Error),
    /// The front door.
    #[error(transparent)]
    FrontDoor(#[from] front_door::Error),
    /// The bot.
    #[error(transparent)]
    Bot(#[from] bot::Error),
    /// A request of a member's.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// Something waited for.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// A file.
    #[error("failed to {action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// What came back.
        source: io::Error,
    },
    /// There is no such identity.
    #[error("the bot has no identity {name:?} here; its contract names those that there are")]
    NoIdentity {
        /// What was asked for.
        name: String,
    },
    /// The bot cannot be asked anything.
    #[error("the bot cannot be asked anything: its contract has no ping that fits a room here")]
    NoPing,
    /// A step of building the rooms.
    #[error("while {doing}: {source}")]
    Building {
        /// What was being done.
        doing: &'static str,
        /// What came back.
        source: client::Error,
    },
}

impl Error {
    pub(super) fn io(action: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let action = action.into();
        move |source| Self::Io { action, source }
    }

    /// For a step of building rooms that the server refused.
    pub fn doing(doing: &'static str) -> impl FnOnce(client::Error) -> Self {
        move |source| Self::Building { doing, source }
    }
}

/// Shorthand.
pub type Result<T, E = Error> = std::result::Result<T, E>;
