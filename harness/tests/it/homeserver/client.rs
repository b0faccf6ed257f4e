use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

/// Plain HTTP to `/_matrix/client/v3/`.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn text(&self, field: &str) -> String {
        self.body[field]
            .as_str()
            .unwrap_or_else(|| panic!("no {field} in {self:?}"))
            .to_owned()
    }
}

impl Client {
    pub(crate) fn new(base: &Url) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(20))
            .build()
            .unwrap();
        Self {
            http,
            base: base.clone(),
        }
    }

    pub(crate) async fn get(&self, path: &str, token: Option<&str>) -> Answer {
        self.send(Method::GET, path, token, None).await.unwrap()
    }

    pub(crate) async fn put(&self, path: &str, token: Option<&str>, body: Value) -> Answer {
        self.send(Method::PUT, path, token, Some(body)).await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, token: Option<&str>, body: Value) -> Answer {
        self.send(Method::POST, path, token, Some(body)).await.unwrap()
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> reqwest::Result<Answer> {
        let url = self.base.join(&format!("/_matrix/client/v3/{path}")).unwrap();
        let mut request = self.http.request(method, url);
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await?;
        let status = answer.status().as_u16();
        let text = answer.text().await?;
        Ok(Answer {
            status,
            body: serde_json::from_str(&text).unwrap_or(Value::String(text)),
        })
    }

    /// Whether the server answers a request within a short time.
    pub(crate) async fn answers_within(&self, limit: Duration) -> bool {
        let request = self.send(Method::GET, "login", None, None);
        matches!(tokio::time::timeout(limit, request).await, Ok(Ok(_)))
    }

    /// Registers by the stages the server asks for: a token if one is given, then dummy.
    pub(crate) async fn register(&self, name: &str, password: &str, token: Option<&str>) -> Answer {
        let account = |auth: Value| json!({ "username": name, "password": password, "auth": auth });
        let first = self
            .post("register", None, json!({ "username": name, "password": password }))
            .await;
        assert_eq!(first.status, 401, "registration asks for nothing: {first:?}");
        let session = first.text("session");
        let Some(token) = token else {
            let auth = json!({ "type": "m.login.dummy", "session": session });
            return self.post("register", None, account(auth)).await;
        };
        let auth = json!({ "type": "m.login.registration_token", "token": token, "session": session });
        let answer = self.post("register", None, account(auth)).await;
        let passed = |answer: &Answer| {
            answer.body["completed"]
                .as_array()
                .is_some_and(|stages| !stages.is_empty())
        };
        if answer.status == 401 && passed(&answer) {
            let auth = json!({ "type": "m.login.dummy", "session": session });
            return self.post("register", None, account(auth)).await;
        }
        answer
    }

    pub(crate) async fn login(&self, name: &str, password: &str) -> Answer {
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": name },
            "password": password,
        });
        self.post("login", None, body).await
    }
}
