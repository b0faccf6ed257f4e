//! `/join/api`: a code opens a lobby.

use std::{fmt::Write, sync::Arc};

use axum::{Json, extract::State, http::StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared,
    error::{ApiError, Body},
};
use crate::flows::OpenError;

#[derive(Deserialize)]
pub(super) struct JoinForm {
    #[serde(default)]
    code: Option<String>,
}

pub(super) async fn join(State(shared): State<Arc<Shared>>, body: Body<JoinForm>) -> Result<Json<Value>, ApiError> {
    let code = body
        .0
        .code
        .map(|code| code.trim().to_owned())
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
        "url": format!("https://matrix.to/#/{}", percent_encoded(&opened.alias)),
        "alias": opened.alias,
        "room_id": opened.room,
        "title": opened.challenge.title,
        "keyword": opened.challenge.keyword,
    })))
}

/// All but RFC 3986's unreserved characters as `%XX`.
fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing into a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
        encoded
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alias_is_percent_encoded() {
        assert_eq!(
            percent_encoded("#shape-lobby-1:hs.example"),
            "%23shape-lobby-1%3Ahs.example"
        );
    }
}
