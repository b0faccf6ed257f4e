use std::time::Duration;

use reqwest::Method;
use serde_json::Value;
use url::{Url, form_urlencoded};

use super::{Error, Result};
use crate::client::{self, Http, Reply, segment};

/// Longer than any answer of a healthy server and any long poll asked for here.
const TIMEOUT: Duration = Duration::from_secs(30);

/// The server's HTTP interface, as its operator uses it.
#[derive(Clone, Debug)]
pub(super) struct Interface(Http);

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

    fn target(&self) -> String {
        let path: String = self.path.iter().map(|part| format!("/{}", segment(part))).collect();
        if self.query.is_empty() {
            return path;
        }
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(self.query);
        format!("{path}?{}", query.finish())
    }
}

impl Interface {
    pub(super) fn new(base: &Url) -> Self {
        Self(Http::new(base))
    }

    /// Sends a request. `action` says in an error what was tried: "reset the password of bot".
    pub(super) async fn send(&self, action: &str, request: Request<'_>) -> Result<Reply> {
        let (target, body) = (request.target(), request.body.map(|body| body.to_string()));
        let sent = self
            .0
            .send_text(request.method, &target, request.token, body, TIMEOUT)
            .await;
        // Without the request's own name: a path may hold what is nobody's business.
        sent.map_err(|error| Error::Operator {
            action: action.to_owned(),
            reason: match error {
                client::Error::Transport { reason, .. } => reason,
                other => other.to_string(),
            },
        })
    }

    /// Sends a request that must be answered with a 2xx.
    pub(super) async fn expect(&self, action: &str, request: Request<'_>) -> Result<Value> {
        let answer = self.send(action, request).await?;
        match answer.status {
            200..300 => Ok(answer.body),
            _ => Err(refused(&answer, action)),
        }
    }
}

/// An error that shows status, errcode and text of an answer, and nothing else of its body.
pub(super) fn refused(answer: &Reply, action: &str) -> Error {
    let field = |name| answer.body.get(name).and_then(Value::as_str).unwrap_or("-");
    Error::Operator {
        action: action.to_owned(),
        reason: format!(
            "the server answered {} {}: {}",
            answer.status,
            field("errcode"),
            field("error")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_in_a_path_or_a_query_is_encoded() {
        let path = ["users", "@a/b c:d"];
        let request = Request::new(Method::GET, &path).query(&[("from", "a&b")]);
        assert_eq!(request.target(), "/users/%40a%2Fb%20c%3Ad?from=a%26b");
    }
}
