//! What the SDK's errors say about the token.

use matrix_sdk::{Error, HttpError};

use crate::{
    healing::{About, Blocker, Refusal},
    session::refusal_of,
};

/// Whether the error could come from a dead token, or from an account that is barred. Asking whoami decides it.
pub(super) fn looks_dead(error: &Error) -> bool {
    matches!(
        refusal_of(About::Other, error),
        Refusal::DeadToken | Refusal::WayBroken(_) | Refusal::Operator(Blocker::Account(_))
    )
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

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::api::{EndpointError, client::uiaa::UiaaResponse, error::FromHttpResponseError};
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(401, "M_UNKNOWN_TOKEN", true)]
    #[case(403, "M_UNKNOWN_TOKEN", true)]
    #[case(404, "M_UNKNOWN_TOKEN", true)]
    #[case(410, "M_UNKNOWN_TOKEN", true)]
    #[case(400, "M_UNKNOWN_TOKEN", true)]
    #[case(401, "M_UNAUTHORIZED", true)]
    #[case(403, "M_UNAUTHORIZED", false)]
    #[case(401, "M_MISSING_TOKEN", true)]
    #[case(403, "M_MISSING_TOKEN", true)]
    #[case(403, "M_USER_DEACTIVATED", true)]
    #[case(401, "M_USER_LOCKED", true)]
    #[case(403, "M_USER_LOCKED", true)]
    #[case(403, "M_FORBIDDEN", false)]
    #[case(403, "M_CONSENT_NOT_GIVEN", false)]
    #[case(404, "M_NOT_FOUND", false)]
    #[case(429, "M_LIMIT_EXCEEDED", false)]
    #[case(502, "M_UNKNOWN_TOKEN", false)]
    fn a_token_looks_dead_by_the_classing_of_all_requests(
        #[case] status: u16,
        #[case] errcode: &str,
        #[case] dead: bool,
    ) {
        let body = format!(r#"{{"errcode":"{errcode}","error":"no"}}"#);
        let response = http::Response::builder()
            .status(status)
            .body(body.into_bytes())
            .unwrap();
        let api = UiaaResponse::from_http_response(response);
        let error = HttpError::from(FromHttpResponseError::Server(api));
        assert_eq!(looks_dead(&error.into()), dead);
    }
}
