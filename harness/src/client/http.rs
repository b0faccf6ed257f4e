use std::{
    fmt,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use reqwest::{Method, header::CONTENT_TYPE};
use serde_json::Value;
use url::Url;

use super::{Error, MatrixError, Result};
use crate::cause::chain;

/// Longer than any long poll asked for here.
const TIMEOUT: Duration = Duration::from_secs(90);

/// An answer to a request, whatever its status.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body; a text where it is not JSON.
    pub body: Value,
    /// How long it took.
    pub took: Duration,
}

impl fmt::Display for Reply {
    /// Status and body, without the token that a registration or a login answers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut body = self.body.clone();
        if let Some(token) = body.get_mut("access_token") {
            *token = Value::from("…");
        }
        write!(f, "{} {body}", self.status)
    }
}

/// Requests with JSON bodies to one base URL.
#[derive(Clone, Debug)]
pub struct Http {
    base: Url,
    client: reqwest::Client,
}

impl Http {
    /// For a base URL.
    pub fn new(base: &Url) -> Self {
        Self {
            base: base.clone(),
            client: plain_client().build().unwrap_or_default(),
        }
    }

    /// The base URL.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// Sends a request; `path` may carry a query. Any answer is fine, also an error's.
    ///
    /// # Errors
    ///
    /// [`Error::Transport`] when no whole answer came.
    pub async fn send(&self, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Result<Reply> {
        let body = body.map(Value::to_string);
        self.send_text(method, path, token, body, TIMEOUT).await
    }

    /// The same with a body that is called JSON and may be anything, and with a patience of its own.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub async fn send_text(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<String>,
        patience: Duration,
    ) -> Result<Reply> {
        // In a box, for whoever awaits it: see lib.rs.
        self.exchange(method, path, token, body, patience).boxed().await
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<String>,
        patience: Duration,
    ) -> Result<Reply> {
        let what = format!("{method} {}", path.split('?').next().unwrap_or(path));
        let failed = |error: reqwest::Error| Error::Transport {
            what: what.clone(),
            reason: chain(&error.without_url()),
        };
        let url = format!("{}{path}", self.base.as_str().trim_end_matches('/'));
        let mut request = self.client.request(method, url).timeout(patience);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body);
        }
        let began = Instant::now();
        let response = request.send().await.map_err(failed)?;
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(failed)?;
        let body = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
        Ok(Reply {
            status,
            body,
            took: began.elapsed(),
        })
    }

    /// Sends a request of the Matrix protocol and answers the body of a success.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with what the server answered; [`Error::Transport`] when that was no Matrix answer.
    pub async fn matrix(&self, method: Method, path: &str, token: Option<&str>, body: Option<&Value>) -> Result<Value> {
        let what = format!("{method} {}", path.split('?').next().unwrap_or(path));
        let reply = self.send(method, path, token, body).await?;
        if reply.status == 200 {
            return Ok(reply.body);
        }
        let text = |key: &str| reply.body[key].as_str().unwrap_or_default().to_owned();
        if !reply.body.is_object() {
            let reason = format!("HTTP {} with a body that is no Matrix error", reply.status);
            return Err(Error::Transport { what, reason });
        }
        let error = MatrixError {
            status: reply.status,
            errcode: text("errcode"),
            error: text("error"),
            body: reply.body,
        };
        Err(Error::Refused {
            what,
            error: Box::new(error),
        })
    }
}

/// A client for plain HTTP on this machine, to which neither the system's certificates nor its proxies are of any use: reading and parsing
/// the certificates is most of what making a client costs, and every user, server and front door has one of its own.
pub fn plain_client() -> reqwest::ClientBuilder {
    reqwest::Client::builder().no_proxy().tls_certs_only([])
}

/// One segment of a path.
pub(crate) fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}
