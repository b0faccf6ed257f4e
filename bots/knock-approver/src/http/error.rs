//! Refusals as JSON.

use std::time::Duration;

use axum::{
    Json,
    body::Bytes,
    extract::{FromRequest, Request, rejection::BytesRejection},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::time::timeout;

use super::user::UserError;

/// For the whole body of a request, which is small.
const BODY_PATIENCE: Duration = Duration::from_secs(10);

/// `{"error": "<code>", "detail": "…"}` with a status.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ApiError {
    pub(super) status: StatusCode,
    pub(super) code: String,
    pub(super) detail: Option<String>,
    /// When it is worth another try (`Retry-After`).
    pub(super) retry_after: Option<Duration>,
}

impl ApiError {
    pub(super) fn new(status: StatusCode, code: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: None,
            retry_after: None,
        }
    }

    pub(super) fn bad(code: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code)
    }

    pub(super) fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(super) const fn after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    pub(super) fn internal(error: &dyn std::error::Error) -> Self {
        tracing::error!(%error, "a request failed inside");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal")
    }
}

/// What a request on behalf of a user met. A person's mistake is told by the homeserver's own code.
impl From<UserError> for ApiError {
    fn from(error: UserError) -> Self {
        let unavailable = |code: &str| Self::new(StatusCode::SERVICE_UNAVAILABLE, code).with(error.to_string());
        match &error {
            UserError::Refused { errcode, words, .. } => Self::bad(errcode.to_lowercase()).with(words),
            UserError::Demanded { errcode, .. } => Self::bad(errcode.to_lowercase()).with(error.to_string()),
            UserError::Redirected(_) => unavailable("redirected"),
            UserError::Limited(delay) => unavailable("limited").after(*delay),
            UserError::NotAsked(_) | UserError::Unknown(_) => unavailable("unavailable"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({ "error": self.code });
        if let Some(detail) = self.detail {
            body["detail"] = detail.into();
        }
        let mut response = (self.status, Json(body)).into_response();
        if let Some(delay) = self.retry_after {
            // A client that comes a moment too early is refused again.
            let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// A JSON body, whatever its content type says: the scripts of others send it without one.
pub(super) struct Body<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let bytes = timeout(BODY_PATIENCE, Bytes::from_request(request, state)).await;
        let bytes = bytes
            .map_err(|_| ApiError::new(StatusCode::REQUEST_TIMEOUT, "too_slow"))?
            .map_err(|error: BytesRejection| match error.status() {
                StatusCode::PAYLOAD_TOO_LARGE => ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
                _ => ApiError::bad("bad_json"),
            })?;
        // Some tools begin every text with a byte order mark.
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
        serde_json::from_slice(text).map(Body).map_err(|error| {
            // Without serde's message, which may repeat a password.
            ApiError::bad("bad_json").with(format!("line {} column {}", error.line(), error.column()))
        })
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::Value;

    use super::*;

    #[rstest]
    #[case(b"{\"code\":1}", None)]
    #[case(b"\xEF\xBB\xBF{\"code\":1}\r\n", None)]
    #[case(b"", Some("bad_json"))]
    #[case(b"code=1", Some("bad_json"))]
    #[case(b"\xFF\xFE{\0}\0", Some("bad_json"))]
    #[case(b"{\"code\":\"\xff\"}", Some("bad_json"))]
    #[tokio::test]
    async fn a_body_is_json_or_said_to_be_none(#[case] bytes: &'static [u8], #[case] refusal: Option<&str>) {
        let request = Request::new(axum::body::Body::from(bytes));
        let read = Body::<Value>::from_request(request, &()).await;
        assert_eq!(read.err().map(|error| error.code).as_deref(), refusal);
    }
}
