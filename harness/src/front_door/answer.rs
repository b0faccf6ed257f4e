//! An answer on its way to the client.

use axum::{
    body::Bytes,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode},
};

/// Of the upstream, or of the front door itself.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: AnswerBody,
}

pub(super) enum AnswerBody {
    Whole(Bytes),
    Stream(reqwest::Response),
}

impl Answer {
    pub(super) fn own(status: u16, headers: &[(String, String)], body: &str) -> Self {
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            change_header(&mut all, name, Some(value));
        }
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            headers: all,
            body: AnswerBody::Whole(Bytes::from(body.to_owned())),
        }
    }

    /// A page of HTML as reverse proxies make them.
    pub(super) fn page(status: StatusCode) -> Self {
        let headers = [("content-type".to_owned(), "text/html".to_owned())];
        Self::own(
            status.as_u16(),
            &headers,
            &format!("<html><body><h1>{status}</h1></body></html>"),
        )
    }

    pub(super) async fn whole(self) -> reqwest::Result<Bytes> {
        match self.body {
            AnswerBody::Whole(bytes) => Ok(bytes),
            AnswerBody::Stream(response) => response.bytes().await,
        }
    }
}

/// Sets a header, or removes it. What cannot be a header is left out.
pub(super) fn change_header(headers: &mut HeaderMap, name: &str, value: Option<&str>) {
    let Ok(name) = HeaderName::try_from(name) else { return };
    match value.map(HeaderValue::try_from) {
        Some(Ok(value)) => {
            headers.insert(name, value);
        }
        Some(Err(_)) => {}
        None => {
            headers.remove(name);
        }
    }
}
