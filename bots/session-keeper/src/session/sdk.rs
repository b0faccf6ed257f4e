//! What the SDK's errors mean, by the classing that all requests share.

use std::time::{Duration, SystemTime};

use matrix_sdk::{
    Error, HttpError,
    ruma::api::{
        client::uiaa::UiaaResponse,
        error::{ErrorBody, ErrorKind, RetryAfter},
    },
};
use serde_json::Value;

use super::redirected::Redirected;
use crate::healing::{About, Refusal, Reply, refusal};

/// The longest wait until a date. It is one by the server's clock, which the SDK's errors do not tell, and this machine's may be days behind.
const BY_DATE: Duration = Duration::from_secs(3 * 60);

/// Classes the error of a call. What is no answer of the homeserver (no connection, a time-out, a body that cannot be
/// read, trouble on this side) is transient: it proves nothing.
pub fn refusal_of(about: About, error: &Error) -> Refusal {
    match error {
        Error::Http(http) => http_refusal(about, http),
        _ => answer(error.as_client_api_error(), about).unwrap_or_else(|| Refusal::Transient(line(error))),
    }
}

/// Classes the error of a request.
pub fn http_refusal(about: About, error: &HttpError) -> Refusal {
    if let HttpError::Cached(error) = error {
        return http_refusal(about, error);
    }
    if let HttpError::Reqwest(error) = error
        && let Some(redirected) = Redirected::of(error)
    {
        let reply = Reply {
            status: redirected.status,
            body: &Value::Null,
            retry_after: None,
            location: Some(redirected.target.as_str()),
        };
        return refusal(about, &reply);
    }
    match error.as_ruma_api_error() {
        Some(UiaaResponse::AuthResponse(_)) => Refusal::Interactive,
        _ => answer(error.as_client_api_error(), about).unwrap_or_else(|| Refusal::Transient(line(error))),
    }
}

fn answer(error: Option<&matrix_sdk::ruma::api::error::Error>, about: About) -> Option<Refusal> {
    let error = error?;
    let body = match &error.body {
        ErrorBody::Standard(body) => serde_json::to_value(body).unwrap_or_default(),
        ErrorBody::Json(body) => body.clone(),
        ErrorBody::NotJson { .. } => Value::Null,
    };
    let wait = match error.error_kind() {
        Some(ErrorKind::LimitExceeded(limited)) => match limited.retry_after {
            Some(RetryAfter::Delay(delay)) => Some(delay),
            Some(RetryAfter::DateTime(time)) => time
                .duration_since(SystemTime::now())
                .ok()
                .map(|wait| wait.min(BY_DATE)),
            None => None,
        },
        _ => None,
    };
    Some(refusal(
        about,
        &Reply {
            status: error.status_code.as_u16(),
            body: &body,
            retry_after: wait,
            location: None,
        },
    ))
}

/// The innermost cause, in one line: the outer ones only say that something failed.
fn line(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::api::{EndpointError, error::FromHttpResponseError};
    use rstest::rstest;

    use super::*;
    use crate::healing::Blocker;

    fn error(status: u16, header: Option<(&str, &str)>, body: &str) -> Error {
        let mut response = http::Response::builder().status(status);
        if let Some((name, value)) = header {
            response = response.header(name, value);
        }
        let api = UiaaResponse::from_http_response(response.body(body.as_bytes()).unwrap());
        HttpError::from(FromHttpResponseError::Server(api)).into()
    }

    #[rstest]
    #[case(
        r#"{"errcode":"M_CONSENT_NOT_GIVEN","error":"","consent_uri":"https://hs/consent"}"#,
        Some("https://hs/consent")
    )]
    #[case(r#"{"errcode":"M_CONSENT_NOT_GIVEN","error":""}"#, None)]
    #[case(r#"{"errcode":"M_CONSENT_NOT_GIVEN"}"#, None)]
    fn what_the_server_adds_is_kept(#[case] body: &str, #[case] uri: Option<&str>) {
        let refusal = refusal_of(About::Room, &error(403, None, body));
        let uri = uri.map(ToOwned::to_owned);
        assert_eq!(refusal, Refusal::Operator(Blocker::Consent { uri }));
    }

    #[rstest]
    #[case(None, r#"{"errcode":"M_LIMIT_EXCEEDED","error":"","retry_after_ms":1500}"#, 1_500)]
    #[case(Some(("retry-after", "7")), r#"{"errcode":"M_LIMIT_EXCEEDED","error":""}"#, 7_000)]
    #[case(None, "<html>slow down</html>", 2_000)]
    fn the_servers_delay_is_kept(#[case] header: Option<(&str, &str)>, #[case] body: &str, #[case] milliseconds: u64) {
        let refusal = refusal_of(About::Other, &error(429, header, body));
        assert_eq!(refusal, Refusal::Limited(Duration::from_millis(milliseconds)));
    }

    /// A date is one by the server's clock: this machine's may be behind, or ahead.
    #[rstest]
    #[case::a_day_behind(86_400)]
    #[case::a_day_ahead(-86_400)]
    #[case::a_little(60)]
    fn a_date_is_waited_for_within_bounds(#[case] seconds: i64) {
        let now = SystemTime::now();
        let distance = Duration::from_secs(seconds.unsigned_abs());
        let date = httpdate::fmt_http_date(if seconds < 0 { now - distance } else { now + distance });
        let refused = error(
            429,
            Some(("retry-after", &date)),
            r#"{"errcode":"M_LIMIT_EXCEEDED","error":""}"#,
        );
        let Refusal::Limited(wait) = refusal_of(About::Other, &refused) else {
            panic!("not limited")
        };
        assert!((Duration::from_secs(1)..=BY_DATE).contains(&wait), "{wait:?}");
    }

    #[rstest]
    #[case(
        401,
        r#"{"errcode":"M_UNKNOWN_TOKEN","error":"","soft_logout":true}"#,
        Refusal::DeadToken
    )]
    #[case(
        401,
        r#"{"flows":[{"stages":["m.login.password"]}],"params":{},"session":"s"}"#,
        Refusal::Interactive
    )]
    #[case(502, "<html>Bad Gateway</html>", Refusal::Transient("HTTP 502".to_owned()))]
    fn it_is_the_classing_of_all_requests(#[case] status: u16, #[case] body: &str, #[case] refusal: Refusal) {
        assert_eq!(refusal_of(About::Other, &error(status, None, body)), refusal);
    }

    #[test]
    fn trouble_on_this_side_proves_nothing() {
        let refusal = refusal_of(About::Room, &Error::InsufficientData);
        assert!(matches!(refusal, Refusal::Transient(_)), "{refusal:?}");
    }
}
