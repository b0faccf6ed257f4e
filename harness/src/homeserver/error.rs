use std::time::Duration;

use super::Flavor;

/// What can go wrong with a homeserver. Each says what was tried, what came back and, where there is something, what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A name that is no homeserver.
    #[error("KNOCKPROOF_HOMESERVER: there is no homeserver '{given}'; known are {known}")]
    UnknownChoice {
        /// What was written.
        given: String,
        /// All names, separated by commas.
        known: String,
    },
    /// The wished homeserver cannot be had here. One line: what is missing and how to get it.
    #[error("{0}")]
    NotAtHand(String),
    /// A server that says it is another one than was wished for.
    #[error(
        "{what} says that it is {says}, not {wished}: name a {wished} there, or wish for KNOCKPROOF_HOMESERVER={says}"
    )]
    AnotherFlavor {
        /// The image or program.
        what: String,
        /// What it says it is.
        says: Flavor,
        /// What was wished for.
        wished: Flavor,
    },
    /// A server that ended, or did not answer, before it was ready.
    #[error("{what} did not come up within {waited:?}: {saw}\nlast lines of {log}:\n{last_lines}")]
    NotReady {
        /// Flavor and driver.
        what: String,
        /// How long it was waited for.
        waited: Duration,
        /// What was last seen: an exit status, a connection error, a status code.
        saw: String,
        /// The log file.
        log: String,
        /// Its last lines.
        last_lines: String,
    },
    /// A file, process or port that could not be handled.
    #[error("failed to {action}: {source}")]
    Io {
        /// What was tried.
        action: String,
        /// What came back.
        source: std::io::Error,
    },
    /// The Docker engine, or testcontainers on the way to it.
    #[error("failed to {action}: {reason}")]
    Engine {
        /// What was tried.
        action: String,
        /// What came back.
        reason: String,
    },
    /// The server answered a request of the operator or of the driver with something else than wanted.
    #[error("failed to {action}: {reason}")]
    Operator {
        /// What was tried.
        action: String,
        /// What came back.
        reason: String,
    },
    /// Something that makes no sense in the state the server is in, for example starting a running one.
    #[error("cannot {action}: the homeserver is {state}")]
    State {
        /// What was asked for.
        action: &'static str,
        /// What it is.
        state: &'static str,
    },
}

/// Shorthand.
pub type Result<T, E = Error> = std::result::Result<T, E>;
