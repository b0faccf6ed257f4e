use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::{Error, Result};
use crate::client::plain_client;

/// Longer than any answer of a healthy server and any long poll asked for here.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The server's HTTP interface, as its operator uses it.
#[derive(Clone, Debug)]
pub(super) struct Http {
    client: Client,
    base: Url,
}

/// An answer: what the server said, whatever its status.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Value,
}

/// A request to be sent. Debug output would show secrets: there is none.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    /// Segments of the path, encoded here.
    pub(super) path: &'a [&'a str],
    pub(super) query: &'a [(&'a str, &'a str)],
    pub(super) token: Option<&'a str>,
    pub(super) body: Option<Value>,
}

impl<'a> Request<'a> {
    pub(super) fn new(method: Method, path: &'a [&'a str]) -> Self {
        Self {
            method,
            path,
            query: &[],
            token: None,
            body: None,
        }
    }

    pub(super) fn query(mut self, query: &'a [(&'a str, &'a str)]) -> Self {
        self.query = query;
        self
    }

    pub(super) fn token(mut self, token: &'a str) -> Self {
        self.token = Some(token);
        self
    }

    pub(super) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }
}

impl Http {
    pub(super) fn new(base: Url) -> Result<Self> {
        let client = plain_client()
            .timeout(TIMEOUT)
            .build()
            .map_err(|error| Error::Operator {
                action: "make an HTTP client".to_owned(),
                reason: error.to_string(),
            })?;
        Ok(Self { client, base })
    }

    /// Sends a request. `action` says in an error what was tried: "reset the password of bot".
    pub(super) async fn send(&self, action: &str, request: Request<'_>) -> Result<Answer> {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(request.path);
        }
        let mut builder = self.client.request(request.method, url).query(request.query);
        if let Some(token) = request.token {
            builder = builder.bearer_auth(token);
        }
        if let Some(body) = request.body {
            builder = builder.json(&body);
        }
        let failed = |error: reqwest::Error| Error::Operator {
            action: action.to_owned(),
            // Without the URL: a path may hold what is nobody's business.
            reason: chain(&error.without_url()),
        };
        let response = builder.send().await.map_err(failed)?;
        let status = response.status();
        let text = response.text().await.map_err(failed)?;
        let body = serde_json::from_str(&text).unwrap_or(Value::String(text));
        Ok(Answer { status, body })
    }

    /// Sends a request that must be answered with a 2xx.
    pub(super) async fn expect(&self, action: &str, request: Request<'_>) -> Result<Value> {
        let answer = self.send(action, request).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        Err(answer.refused(action))
    }
}

impl Answer {
    /// An error that shows status, errcode and text, and nothing else of the body.
    pub(super) fn refused(&self, action: &str) -> Error {
        let field = |name| self.body.get(name).and_then(Value::as_str).unwrap_or("-");
        Error::Operator {
            action: action.to_owned(),
            reason: format!(
                "the server answered {} {}: {}",
                self.status.as_u16(),
                field("errcode"),
                field("error")
            ),
        }
    }
}

/// An error with all its causes: reqwest's own text stops at "error sending request".
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
