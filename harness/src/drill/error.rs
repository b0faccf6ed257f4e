use crate::{bot, client, fault, wait::TimedOut, world};

/// Why a drill did not come to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A part of a fault.
    #[error("{what}: {source}")]
    Fault {
        /// What did not work.
        what: &'static str,
        /// Why.
        source: Box<fault::Error>,
    },
    /// The bot does not live while it waits for its operator.
    #[error("the bot does not say that it lives while it needs its operator")]
    Dead,
    /// A message that the bot is to remember.
    #[error("{event} in {room} is not encrypted: it is a {kind}")]
    Cleartext {
        /// The message.
        event: String,
        /// Its room.
        room: String,
        /// What it is.
        kind: String,
    },
    /// The world, or anything in it.
    #[error(transparent)]
    World(#[from] world::Error),
}

impl Error {
    pub(super) fn said(what: &'static str) -> impl FnOnce(fault::Error) -> Self {
        move |source| Self::Fault {
            what,
            source: Box::new(source),
        }
    }
}

impl From<bot::Error> for Error {
    fn from(error: bot::Error) -> Self {
        Self::World(error.into())
    }
}

impl From<client::Error> for Error {
    fn from(error: client::Error) -> Self {
        Self::World(error.into())
    }
}

impl From<TimedOut> for Error {
    fn from(error: TimedOut) -> Self {
        Self::World(error.into())
    }
}

/// Shorthand.
pub type Result<T, E = Error> = std::result::Result<T, E>;
