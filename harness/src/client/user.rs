use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use reqwest::Method;
use serde_json::{Value, json};
use url::Url;

use super::{Error, Http, Reply, Result};

/// A plain Matrix client: one account on one device, without encryption and without a memory.
pub struct User {
    pub(super) http: Http,
    user_id: String,
    device_id: String,
    token: String,
    password: String,
    transactions: AtomicU64,
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("user_id", &self.user_id)
            .field("device_id", &self.device_id)
            .finish_non_exhaustive()
    }
}

impl User {
    /// Logs in with a password, on a device of that id, or on a new one.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn login(base: &Url, user: &str, password: &str, device_id: Option<&str>) -> Result<Self> {
        let path = "/_matrix/client/v3/login";
        let http = Http::new(base);
        let mut body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": user },
            "password": password,
            "initial_device_display_name": "knockproof",
        });
        if let Some(device_id) = device_id {
            body["device_id"] = Value::from(device_id);
        }
        let answer = http.matrix(Method::POST, path, None, Some(&body)).await?;
        Self::from_login(http, password, &answer, path)
    }

    /// A client for a session that exists, for example one that a signup answered. `password` may be empty.
    pub fn from_session(base: &Url, user_id: &str, device_id: &str, token: &str, password: &str) -> Self {
        Self {
            http: Http::new(base),
            user_id: user_id.to_owned(),
            device_id: device_id.to_owned(),
            token: token.to_owned(),
            password: password.to_owned(),
            transactions: AtomicU64::new(0),
        }
    }

    pub(super) fn from_login(http: Http, password: &str, answer: &Value, path: &str) -> Result<Self> {
        let text = |key: &'static str| {
            answer[key].as_str().ok_or_else(|| Error::Shape {
                what: format!("POST {path}"),
                missing: key,
            })
        };
        let (user_id, device_id, token) = (text("user_id")?, text("device_id")?, text("access_token")?);
        Ok(Self::from_session(http.base(), user_id, device_id, token, password))
    }

    /// The same session through another base URL.
    pub fn through(&self, base: &Url) -> Self {
        Self::from_session(base, &self.user_id, &self.device_id, &self.token, &self.password)
    }

    /// The user id.
    pub fn user_id(&self) -> &str {
        &self.user_id
    }

    /// The localpart of the user id.
    pub fn localpart(&self) -> &str {
        let behind = self.user_id.trim_start_matches('@');
        behind.split_once(':').map_or(behind, |(localpart, _)| localpart)
    }

    /// The device id.
    pub fn device_id(&self) -> &str {
        &self.device_id
    }

    /// The access token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The password the account was made or logged in with.
    pub fn password(&self) -> &str {
        &self.password
    }

    /// Where it sends its requests.
    pub fn base(&self) -> &Url {
        self.http.base()
    }

    /// Sends any request with the token; `path` may carry a query.
    ///
    /// # Errors
    ///
    /// When the server refuses or does not answer.
    pub async fn request(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        self.http.matrix(method, path, Some(&self.token), body).await
    }

    /// Sends any request with the token and answers whatever comes.
    ///
    /// # Errors
    ///
    /// When no whole answer comes.
    pub async fn raw(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Reply> {
        self.http.send(method, path, Some(&self.token), body).await
    }

    /// A transaction id not used before on this device.
    pub(super) fn transaction(&self) -> String {
        let number = self.transactions.fetch_add(1, Ordering::Relaxed);
        format!("kp-{:08x}-{number}", rand::random::<u32>())
    }
}
