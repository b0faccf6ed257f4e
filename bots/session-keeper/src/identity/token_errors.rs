//! What the SDK's errors say about the token.

use matrix_sdk::{Error, HttpError, ruma::api::error::ErrorKind};

/// Whether the error could come from a dead token. Asking whoami decides it.
pub(super) fn looks_dead(error: &Error) -> bool {
    match error {
        // A login flow demanded instead of an error code is about the request, not about the token.
        Error::Http(http) => http_looks_dead(http),
        _ => error.client_api_error_kind().is_some_and(dead_kind),
    }
}

/// Whether the homeserver, or something before it, has answered: then the request was not carried out.
pub(super) fn was_answered(error: &Error) -> bool {
    matches!(error, Error::Http(http) if http.as_ruma_api_error().is_some())
}

/// Whether the request never left this machine.
pub(super) fn is_unconnected(error: &Error) -> bool {
    matches!(error, Error::Http(http) if matches!(&**http, HttpError::Reqwest(error) if error.is_connect()))
}

/// Whether the homeserver refused the request with a Matrix error of this status.
pub(super) fn is_refused(error: &Error, status: u16) -> bool {
    match error {
        Error::Http(http) => http
            .as_client_api_error()
            .is_some_and(|error| error.status_code.as_u16() == status),
        _ => false,
    }
}

fn http_looks_dead(error: &HttpError) -> bool {
    if let HttpError::Cached(error) = error {
        return http_looks_dead(error);
    }
    error.client_api_error_kind().is_some_and(dead_kind)
        && error
            .as_client_api_error()
            .is_some_and(|error| error.status_code.as_u16() == 401)
}

fn dead_kind(kind: &ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::UnknownToken(_)
            | ErrorKind::MissingToken
            | ErrorKind::Unauthorized
            | ErrorKind::UserLocked
            | ErrorKind::UserDeactivated
    )
}
