//! `/join/api`: a code opens a lobby.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared,
    error::{ApiError, Body},
};
use crate::{flows::OpenError, words};

/// All but RFC 3986's unreserved characters. (Links of `ruma` leave colons as they are: whoever compares the link would miss them.)
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Deserialize)]
pub(super) struct JoinForm {
    #[serde(default)]
    code: Option<String>,
}

pub(super) async fn join(State(shared): State<Arc<Shared>>, body: Body<JoinForm>) -> Result<Json<Value>, ApiError> {
    let code = body
        .0
        .code
        .map(|code| words::bare(&code).to_owned())
        .filter(|code| !code.is_empty());
    let code = code.ok_or_else(|| ApiError::bad("missing_code"))?;
    let flows = shared.flows.clone();
    // A task of its own: who hangs up in the middle must not leave half a lobby.
    let opened = tokio::spawn(async move { flows.open_lobby(code).await });
    let opened = opened.await.map_err(|error| ApiError::internal(&error))?;
    let opened = opened.map_err(|error| match error {
        OpenError::InvalidCode => ApiError::new(StatusCode::FORBIDDEN, "invalid_code"),
        OpenError::Unavailable => ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
        OpenError::Refused(errcode) => ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "create_failed").with(errcode),
        OpenError::Store(error) => ApiError::internal(&error),
    })?;
    Ok(Json(json!({
        "url": matrix_to(&opened.alias),
        "alias": opened.alias,
        "room_id": opened.room,
        "title": opened.challenge.title,
        "keyword": opened.challenge.keyword,
    })))
}

/// A link that opens the room in whatever app there is.
fn matrix_to(alias: &str) -> String {
    format!("https://matrix.to/#/{}", utf8_percent_encode(alias, RESERVED))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_percent_encoded_as_a_whole() {
        assert_eq!(
            matrix_to("#shape-lobby_1.~:hs.example"),
            "https://matrix.to/#/%23shape-lobby_1.~%3Ahs.example"
        );
    }
}
