use crate::wait::TimedOut;

/// An error of the Matrix protocol.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{status} {errcode}: {error}")]
pub struct MatrixError {
    /// The HTTP status.
    pub status: u16,
    /// The error code, for example `M_FORBIDDEN`; empty when the body had none (as in user-interactive authentication).
    pub errcode: String,
    /// The server's words.
    pub error: String,
    /// The whole body.
    pub body: serde_json::Value,
}

/// What can go wrong with a client. Never holds a secret: requests are named by method and path.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The server refused.
    #[error("{what}: {error}")]
    Refused {
        /// The request.
        what: String,
        /// Its answer.
        error: Box<MatrixError>,
    },
    /// No answer came, or none of a Matrix server.
    #[error("{what}: {reason}")]
    Transport {
        /// The request.
        what: String,
        /// What came instead.
        reason: String,
    },
    /// An answer without something the specification promises.
    #[error("{what}: the answer has no {missing}")]
    Shape {
        /// The request.
        what: String,
        /// What is not in the answer.
        missing: &'static str,
    },
    /// Something waited for did not happen.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// Nobody has encryption: the harness was built without its feature `peer`.
    #[error("not applicable, because {}", super::NO_PEERS)]
    NoPeer,
    /// An error of matrix-sdk.
    #[error("{what}: {reason}")]
    Sdk {
        /// What was tried.
        what: String,
        /// What came back.
        reason: String,
    },
}

impl Error {
    /// The protocol's error, if it is one.
    pub fn matrix(&self) -> Option<&MatrixError> {
        match self {
            Self::Refused { error, .. } => Some(error),
            _ => None,
        }
    }

    /// The error code, or nothing.
    pub fn errcode(&self) -> &str {
        self.matrix().map_or("", |error| &error.errcode)
    }

    #[cfg(feature = "peer")]
    pub(super) fn sdk(what: impl Into<String>, error: impl std::fmt::Display) -> Self {
        Self::Sdk {
            what: what.into(),
            reason: error.to_string(),
        }
    }
}

/// Shorthand.
pub type Result<T, E = Error> = std::result::Result<T, E>;
