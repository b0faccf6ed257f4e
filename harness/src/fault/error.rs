use std::{error, io};

use crate::{bot, client, homeserver, wait::TimedOut, world};

/// Why something could not be broken, did not happen, or could not be cured.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Something is not as it has to be: what was wanted, and what was seen.
    #[error("{0}")]
    Said(String),
    /// The homeserver.
    #[error(transparent)]
    Homeserver(#[from] homeserver::Error),
    /// The bot.
    #[error(transparent)]
    Bot(#[from] bot::Error),
    /// A request of a person's, or of another program's.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// The world.
    #[error(transparent)]
    World(#[from] world::Error),
    /// Something waited for.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// The bot was told that its token is dead, and never had another one that works. The fault happened: it is the bot that did not heal.
    #[error("{0}")]
    NeverHealed(TimedOut),
    /// A file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// What a file or an answer holds.
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    /// What only a certain fault meets.
    #[error(transparent)]
    Other(Box<dyn error::Error + Send + Sync>),
}

impl Error {
    /// For an error that only a certain fault meets: `.map_err(Error::other)`.
    pub fn other(error: impl Into<Box<dyn error::Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }
}

impl From<String> for Error {
    fn from(what: String) -> Self {
        Self::Said(what)
    }
}

impl From<&str> for Error {
    fn from(what: &str) -> Self {
        Self::Said(what.to_owned())
    }
}

/// Shorthand.
pub type Result<T, E = Error> = std::result::Result<T, E>;
