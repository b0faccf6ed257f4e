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
        Self::Unclear(match class {
            healing::Refusal::Limited(wait) => return Self::Limited { wait },
            healing::Refusal::Transient(why) => why,
            healing::Refusal::DeadToken => "the token is dead".to_owned(),
            healing::Refusal::WayBroken(words) => format!("the token does not arrive there ({words})"),
            healing::Refusal::Redirected(target) => format!("it redirects to {target}, which is not followed"),
            healing::Refusal::Interactive => "it wants a person to authenticate".to_owned(),
            _ => "its answer is of a kind that is not known here".to_owned(),
        })
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
