use crate::{bot, client, history, wait::TimedOut, world};

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
        source: Box<dyn std::error::Error + Send + Sync>,
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
    /// The fault cannot be drilled with this bot, or on this homeserver.
    #[error("not applicable, because {0}")]
    NotApplicable(String),
    /// The world.
    #[error(transparent)]
    World(#[from] world::Error),
    /// The bot.
    #[error(transparent)]
    Bot(#[from] bot::Error),
    /// A request of a person's.
    #[error(transparent)]
    Client(#[from] client::Error),
    /// Something waited for.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// The history.
    #[error(transparent)]
    History(#[from] history::Error),
}

impl Error {
    pub(super) fn said(what: &'static str) -> impl FnOnce(Box<dyn std::error::Error + Send + Sync>) -> Self {
        move |source| Self::Fault { what, source }
    }
}

/// Shorthand.
pub type Result<T, E = Error> = std::result::Result<T, E>;
