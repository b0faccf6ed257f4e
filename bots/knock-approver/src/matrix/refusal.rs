//! Answers that will not change by asking again.

use matrix_sdk::{Error, ruma::api::error::ErrorKind};

/// A server's no.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the homeserver refused with {status} {errcode}")]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The Matrix error code.
    pub errcode: String,
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
    Some(Refusal {
        status,
        errcode: kind.errcode().to_string(),
    })
}
