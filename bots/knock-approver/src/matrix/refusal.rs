//! What a request can come to besides an answer.
//!
//! What an answer means is decided by the classing that all requests share, [`session_keeper::healing::refusal`]; here it is told what
//! that means for whoever wanted something done.

use std::time::Duration;

use matrix_sdk::Error;

use crate::{
    healing::{self, About, Blocker, No},
    session::refusal_of,
    storage::StoreError,
};

/// A server's no, which another try does not change by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The request is wrong, or its target is gone.
    #[error("the homeserver refuses it for good ({0})")]
    Final(No),
    /// A person has to see to something first.
    #[error("{0}")]
    Operator(Blocker),
}

impl Refusal {
    /// What bars the account as a whole, whatever was asked.
    pub const fn of_account(&self) -> Option<&Blocker> {
        match self {
            Self::Operator(blocker) if blocker.is_of_account() => Some(blocker),
            _ => None,
        }
    }

    /// Whether the way to the room is barred, which a person can change: power or membership is missing, or the room is not known.
    pub const fn is_of_room(&self) -> bool {
        matches!(self, Self::Operator(blocker) if !blocker.is_of_account())
    }

    /// Whether what was asked for is not there, or not for this account to know of.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Operator(Blocker::UnknownRoom(_)))
    }

    /// Whether power, membership or a rule of the server is lacking.
    pub const fn is_forbidden(&self) -> bool {
        matches!(self, Self::Operator(Blocker::Forbidden(_)))
    }

    /// The server's own words, where they tell more than the class.
    pub const fn no(&self) -> Option<&No> {
        match self {
            Self::Final(no) | Self::Operator(Blocker::Forbidden(no) | Blocker::UnknownRoom(no)) => Some(no),
            Self::Operator(_) => None,
        }
    }

    /// The shortest that tells it: the server's error code where there is one to tell.
    pub fn word(&self) -> String {
        self.no().map_or_else(|| self.to_string(), |no| no.errcode.clone())
    }

    /// What the class of an answer is, if it is a refusal.
    fn from_class(class: &healing::Refusal) -> Option<Self> {
        match class {
            healing::Refusal::Final(no) => Some(Self::Final(no.clone())),
            healing::Refusal::Operator(blocker) => Some(Self::Operator(blocker.clone())),
            _ => None,
        }
    }
}

/// Why a request did not come to an answer.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The server's no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The server wants a slower pace.
    #[error("the homeserver asks for {} s of patience", wait.as_secs())]
    Limited {
        /// For how long.
        wait: Duration,
    },
    /// The client does not know the room yet.
    #[error("the client does not know the room")]
    UnknownRoom,
    /// Another device acts by now, so that what was tried has to be looked for first.
    #[error("another device acts now")]
    OtherDevice,
    /// Anything else proves nothing and is tried again. Says what came back.
    #[error("the homeserver: {0}")]
    Unclear(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<healing::Refusal> for Failure {
    fn from(class: healing::Refusal) -> Self {
        if let Some(no) = Refusal::from_class(&class) {
            return Self::Refused(no);
        }
        match class {
            healing::Refusal::Limited(wait) => Self::Limited { wait },
            unclear => Self::Unclear(unclear.to_string()),
        }
    }
}

impl From<Error> for Failure {
    /// All that is asked of the homeserver is about rooms.
    fn from(error: Error) -> Self {
        match error {
            // The client knows it as one that the identity is not in.
            Error::WrongRoomState(_) => Self::UnknownRoom,
            error => refusal_of(About::Room, &error).into(),
        }
    }
}

/// The server's no, if `error` is one.
pub fn refusal(error: &Error) -> Option<Refusal> {
    Refusal::from_class(&refusal_of(About::Room, error))
}

/// Whether what was asked for is not there, as opposed to not shown now.
pub(super) fn is_not_found(error: &Error) -> bool {
    refusal(error).is_some_and(|no| no.is_unknown())
}

#[cfg(test)]
mod tests {
    use matrix_sdk::{
        HttpError,
        ruma::{
            api::{EndpointError, client::uiaa::UiaaResponse, error::FromHttpResponseError},
            exports::http,
        },
    };
    use rstest::rstest;

    use super::*;

    /// Only who has no name is told so, and loses a try for it.
    #[rstest]
    #[case(404, "M_NOT_FOUND", true)]
    #[case(404, "M_UNKNOWN", true)]
    #[case(403, "M_FORBIDDEN", false)]
    #[case(403, "M_UNKNOWN", false)]
    #[case(403, "M_CONSENT_NOT_GIVEN", false)]
    #[case(403, "M_USER_SUSPENDED", false)]
    #[case(400, "M_UNKNOWN", false)]
    #[case(404, "M_UNRECOGNIZED", false)]
    #[case(429, "M_LIMIT_EXCEEDED", false)]
    #[case(502, "M_NOT_FOUND", false)]
    fn only_a_profile_that_is_not_there_has_no_name(#[case] status: u16, #[case] errcode: &str, #[case] absent: bool) {
        let body = format!(r#"{{"errcode":"{errcode}","error":"no"}}"#);
        let response = http::Response::builder()
            .status(status)
            .body(body.into_bytes())
            .unwrap();
        let api = UiaaResponse::from_http_response(response);
        let error = Error::from(HttpError::from(FromHttpResponseError::Server(api)));
        assert_eq!(is_not_found(&error), absent);
    }
}
