//! What a request can come to besides an answer.

use std::time::{Duration, SystemTime};

use matrix_sdk::{
    Error,
    ruma::api::error::{ErrorKind, RetryAfter},
};

use crate::storage::StoreError;

/// A server's no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the homeserver refused with {status} {errcode}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The Matrix error code.
    pub errcode: String,
    /// Where the server says whom to ask: its consent page, or its administrator.
    pub contact: Option<String>,
}

impl Refusal {
    /// A refusal that names nobody to ask.
    pub fn new(status: u16, errcode: &str) -> Self {
        Self {
            status,
            errcode: errcode.to_owned(),
            contact: None,
        }
    }

    /// Whether it is about the account, whatever was asked: a person has to do something for it.
    pub fn is_about_account(&self) -> bool {
        matches!(
            self.errcode.as_str(),
            "M_CONSENT_NOT_GIVEN" | "M_RESOURCE_LIMIT_EXCEEDED" | "M_USER_LIMIT_EXCEEDED"
        )
    }

    /// Whether the way to the room is barred, which a person can change: power or membership is missing, or the room is
    /// not known (any more).
    pub fn is_about_room(&self) -> bool {
        !self.is_about_account() && matches!(self.status, 403 | 404)
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
    /// Anything else proves nothing and is tried again.
    #[error("the homeserver: {0}")]
    Unclear(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Failure {
    /// The server's no, if it is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(no) => Some(no),
            _ => None,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        if let Some(no) = refusal(&error) {
            return Self::Refused(no);
        }
        if let Some(ErrorKind::LimitExceeded(limit)) = error.client_api_error_kind() {
            let wait = limit.retry_after.map_or(UNTOLD, delay);
            return Self::Limited { wait };
        }
        match error {
            // The client knows it as one that the identity is not in.
            Error::WrongRoomState(_) => Self::UnknownRoom,
            error => Self::Unclear(Box::new(error)),
        }
    }
}

/// The pause where a server limits and does not say for how long.
const UNTOLD: Duration = Duration::from_secs(5);

fn delay(after: RetryAfter) -> Duration {
    match after {
        RetryAfter::Delay(delay) => delay,
        RetryAfter::DateTime(time) => time.duration_since(SystemTime::now()).unwrap_or_default(),
    }
}

/// The server's no, if `error` is one: a Matrix error that is neither about the token nor about the pace, nor about an
/// account that is barred until the operator has lifted that. Anything else (no connection, 5xx, a page of some proxy)
/// proves nothing and is tried again.
pub fn refusal(error: &Error) -> Option<Refusal> {
    let answer = error.as_client_api_error()?;
    let kind = answer.error_kind()?;
    let status = answer.status_code.as_u16();
    if matches!(status, 401 | 408 | 429) || !(400..500).contains(&status) {
        return None;
    }
    if matches!(
        kind,
        ErrorKind::UnknownToken(_)
            | ErrorKind::MissingToken
            | ErrorKind::LimitExceeded(_)
            | ErrorKind::UserLocked
            | ErrorKind::UserSuspended
    ) {
        return None;
    }
    let contact = match kind {
        ErrorKind::ResourceLimitExceeded(limit) => Some(limit.admin_contact.clone()),
        other => {
            let page = other.custom_json_data().and_then(|data| data.get("consent_uri"));
            page.and_then(|page| page.as_str()).map(str::to_owned)
        }
    };
    Some(Refusal {
        status,
        errcode: kind.errcode().to_string(),
        contact: contact.filter(|contact| !contact.is_empty()),
    })
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(403, "M_FORBIDDEN", false, true)]
    #[case(404, "M_NOT_FOUND", false, true)]
    #[case(403, "M_CONSENT_NOT_GIVEN", true, false)]
    #[case(403, "M_RESOURCE_LIMIT_EXCEEDED", true, false)]
    #[case(400, "M_BAD_JSON", false, false)]
    #[case(413, "M_TOO_LARGE", false, false)]
    fn a_refusal_is_about_the_account_or_the_room_or_the_request(
        #[case] status: u16,
        #[case] errcode: &str,
        #[case] account: bool,
        #[case] room: bool,
    ) {
        let no = Refusal::new(status, errcode);
        assert_eq!((no.is_about_account(), no.is_about_room()), (account, room));
    }
}
