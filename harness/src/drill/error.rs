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
    /// The fault happened, and the bot made nothing of it.
    #[error("it never healed: {0}")]
    NeverHealed(Box<Error>),
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
    /// Of a fault that was to be settled.
    pub(super) fn unsettled(source: fault::Error) -> Self {
        match source {
            fault::Error::NeverHealed(timed_out) => Self::from(timed_out).never_healed(),
            source => Self::said("it did not happen")(source),
        }
    }

    /// Of what was waited for after a fault that happened: where it did not come in time, the bot has not healed.
    pub(super) fn never_healed(self) -> Self {
        match self {
            Self::World(world::Error::TimedOut(_) | world::Error::Bot(bot::Error::NotInTime { .. })) => {
                Self::NeverHealed(Box::new(self))
            }
            other => other,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn timed_out() -> TimedOut {
        TimedOut {
            what: "the bot to have a token that works".to_owned(),
            waited: std::time::Duration::from_secs(60),
            last_seen: "nothing yet".to_owned(),
        }
    }

    #[test]
    fn a_bot_that_made_nothing_of_a_fault_is_told_from_a_fault_that_did_not_happen() {
        let never = Error::unsettled(fault::Error::NeverHealed(timed_out())).to_string();
        assert!(never.starts_with("it never healed: waited 60"), "{never}");
        let not_met = Error::unsettled(timed_out().into()).to_string();
        assert!(not_met.starts_with("it did not happen: waited 60"), "{not_met}");
    }
}
