//! The requests.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use matrix_sdk::ruma::{DeviceId, OwnedDeviceId, RoomId, UserId};
use reqwest::{Method, RequestBuilder};
use serde::Serialize;
use serde_json::{Value, json};
use url::Url;

use super::{
    redirected::{Redirected, not_followed},
    uia::{self, Demand},
};
use crate::{
    healing::{Answer, Asked, Blocker, Class, Expected, classify, login_flows, retry_after},
    secret::Secret,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For the whole of a request. Password hashing on a busy server takes its time, and an answer given up on may still
/// have made a token.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(20);
/// No answer to these requests is nearly as long; a longer one is not from a homeserver.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// The way to log in that is used here.
const PASSWORD_LOGIN: &str = "m.login.password";

/// The HTTP client could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up an HTTP client: {0}")]
pub struct ServerError(reqwest::Error);

/// The homeserver, by plain HTTP.
#[derive(Clone, Debug)]
pub struct Server {
    base: Url,
    /// How devices that are made here are called.
    device_name: String,
    http: reqwest::Client,
}

/// What the server says of a device's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeysAnswer {
    /// Its `curve25519` and `ed25519` keys.
    Keys(String, String),
    /// It has none.
    None,
    /// The token is dead.
    Dead,
    /// It proves nothing: wait at least so long, for this reason.
    Unknown(Duration, String),
}

/// An answer, and where it wants the request to go instead. `Debug` shows no secret of either.
#[derive(Clone)]
#[non_exhaustive]
pub struct Exchange {
    /// The answer.
    pub answer: Answer,
    /// The header `Location`, made absolute.
    pub target: Option<Url>,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.target.as_ref().and_then(Url::host_str);
        f.debug_struct("Exchange")
            .field("answer", &self.answer)
            .field("target", &host)
            .finish()
    }
}

/// A request that got no answer, or not all of one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoAnswer {
    /// Why, in one line.
    pub reason: String,
    /// Whether the server may have got it, and done what it says.
    pub was_sent: bool,
}

impl Server {
    /// The homeserver at this base URL. Devices that are made on it get this name.
    ///
    /// # Errors
    ///
    /// When no HTTP client can be made: the system has no certificates, say.
    pub fn new(base: Url, device_name: &str) -> Result<Self, ServerError> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::custom(not_followed))
            .user_agent(concat!("session-keeper/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ServerError)?;
        Ok(Self {
            base,
            device_name: device_name.to_owned(),
            http,
        })
    }

    /// The homeserver's base URL.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The HTTP client, to be shared: making one reads and parses all of the system's certificates, which a heal need not wait for, and
    /// its connections are open. It limits no request's time.
    pub fn http(&self) -> reqwest::Client {
        self.http.clone()
    }

    /// Whose token is it, and does it live?
    pub async fn whoami(&self, token: &Secret, expected: &Expected) -> Class {
        classify(Asked::Whoami, expected, &self.ask_whoami(Some(token)).await)
    }

    /// The plain answer to that, or to the same without any token.
    ///
    /// # Errors
    ///
    /// When there is no answer (no connection, time-out): why, in one line without secrets, as [`classify`] takes it.
    pub async fn ask_whoami(&self, token: Option<&Secret>) -> Result<Answer, String> {
        let request = self.request(Method::GET, &["account", "whoami"]);
        let request = match token {
            Some(token) => request.bearer_auth(token.expose()),
            None => request,
        };
        send(request).await
    }

    /// Logs in by password.
    pub async fn login(&self, localpart: &str, password: &Secret, device: &DeviceId, expected: &Expected) -> Class {
        let body = json!({
            "type": "m.login.password",
            "identifier": { "type": "m.id.user", "user": localpart },
            "password": password.expose(),
            "device_id": device,
            "initial_device_display_name": self.device_name,
            "refresh_token": true,
        });
        let request = self.request(Method::POST, &["login"]).json(&body);
        let answer = send(request).await;
        let class = classify(Asked::Login, expected, &answer);
        // Servers that take no passwords refuse them in many ways; they all say so when they are asked.
        let refused = matches!(class, Class::Refused(_) | Class::Other { .. } | Class::Unreachable(_));
        let answered = answer.is_ok_and(|answer| matches!(answer.status, 400..=499 | 501));
        match answered && refused {
            true => self.without_passwords().await.map_or(class, Class::NoPasswords),
            false => class,
        }
    }

    /// Asks for a new token for the device of a refresh token. Where the answer is lost, the same one may be good once more.
    pub async fn refresh(&self, refresh: &Secret) -> Class {
        let body = json!({ "refresh_token": refresh.expose() });
        let request = self.request(Method::POST, &["refresh"]).json(&body);
        classify(Asked::Refresh, &Expected::Anyone, &send(request).await)
    }

    /// Whether the server says that a password is one of the ways to log in.
    pub async fn takes_passwords(&self) -> bool {
        let flows = self.login_flows().await.unwrap_or_default();
        flows.iter().any(|flow| flow == PASSWORD_LOGIN)
    }

    /// The ways to log in, where the server says that a password is none of them.
    async fn without_passwords(&self) -> Option<Vec<String>> {
        let flows = self.login_flows().await?;
        (!flows.iter().any(|flow| flow == PASSWORD_LOGIN)).then_some(flows)
    }

    async fn login_flows(&self) -> Option<Vec<String>> {
        let answer = send(self.request(Method::GET, &["login"])).await;
        let flows = login_flows(&answer);
        // A page instead of an answer may be a proxy's whose server is down, unless that answers otherwise.
        let is_missing = answer.is_ok_and(|answer| matches!(answer.status, 404 | 405 | 410 | 501));
        match flows.is_none() && is_missing && self.speaks_matrix().await {
            true => Some(Vec::new()),
            false => flows,
        }
    }

    async fn speaks_matrix(&self) -> bool {
        matches!(self.versions().await, Class::Done(answer) if answer.get("versions").is_some_and(Value::is_array))
    }

    /// Ends the token's session and, by the specification, its device.
    pub async fn logout(&self, token: &Secret) -> Class {
        let request = self
            .request(Method::POST, &["logout"])
            .bearer_auth(token.expose())
            .json(&json!({}));
        other(&send(request).await)
    }

    /// The identity keys that the server hands out for a device.
    pub async fn device_keys(&self, token: &Secret, user: &UserId, device: &DeviceId) -> KeysAnswer {
        match self.own_keys(token, user).await {
            Class::Done(answer) => {
                // An answer without this map is not an answer to this question: it must not count as "no keys".
                let Some(users) = answer.get("device_keys").and_then(Value::as_object) else {
                    return KeysAnswer::Unknown(Duration::ZERO, "keys/query answered without device_keys".to_owned());
                };
                let keys = users
                    .get(user.as_str())
                    .and_then(|devices| devices.get(device.as_str()));
                let key = |algorithm: &str| {
                    let text = keys?.get("keys")?.get(format!("{algorithm}:{device}"))?.as_str()?;
                    Some(text.trim_end_matches('=').to_owned())
                };
                match (key("curve25519"), key("ed25519")) {
                    (Some(curve), Some(ed)) => KeysAnswer::Keys(curve, ed),
                    _ => KeysAnswer::None,
                }
            }
            // Whoami tells which of them it is.
            Class::Dead | Class::WayBroken(_) => KeysAnswer::Dead,
            Class::Limited(delay) => KeysAnswer::Unknown(delay, "the homeserver limits requests".to_owned()),
            Class::Unreachable(reason) => KeysAnswer::Unknown(Duration::ZERO, reason),
            class => KeysAnswer::Unknown(Duration::ZERO, format!("keys/query: {}", describe(&class))),
        }
    }

    /// The ids of the user's devices, each with whether it is called as those that are made here; `None` where the server
    /// does not say. Another copy of the program calls its devices so too.
    pub async fn devices(&self, token: &Secret) -> Option<Vec<(OwnedDeviceId, bool)>> {
        let request = self.request(Method::GET, &["devices"]).bearer_auth(token.expose());
        let Class::Done(answer) = other(&send(request).await) else {
            return None;
        };
        let devices = answer.get("devices")?.as_array()?;
        let device = |device: &Value| {
            let namesake = device.get("display_name").and_then(Value::as_str) == Some(&*self.device_name);
            Some((OwnedDeviceId::from(device.get("device_id")?.as_str()?), namesake))
        };
        Some(devices.iter().filter_map(device).collect())
    }

    /// Deletes one of the user's devices, authenticating with the password where the server asks for it.
    pub async fn delete_device(&self, token: &Secret, user: &UserId, device: &DeviceId, password: &Secret) -> Class {
        let delete = async |body: Value| {
            let request = self
                .request(Method::DELETE, &["devices", device.as_str()])
                .bearer_auth(token.expose())
                .json(&body);
            other(&send(request).await)
        };
        let stage = |name: &str| match name {
            "m.login.password" => Some(json!({
                "type": name,
                "identifier": { "type": "m.id.user", "user": user },
                "password": password.expose(),
            })),
            _ => None,
        };
        uia::walk(json!({}), stage, delete, |class| match class {
            Class::Other {
                status: 401,
                errcode,
                body,
            } if body.get("flows").is_some() => Some(Demand { errcode, body }),
            _ => None,
        })
        .await
    }

    /// A request of a user whose device has no client here, at a path below `/_matrix/client/v3`, given as its segments.
    /// Never followed to another place: it may carry a password.
    ///
    /// # Errors
    ///
    /// When there is no whole answer, with whether the server may have got the request.
    pub async fn exchange(
        &self,
        method: Method,
        path: &[&str],
        token: Option<&Secret>,
        body: Option<&Value>,
        patience: Duration,
    ) -> Result<Exchange, NoAnswer> {
        let mut request = self.request(method, path).timeout(patience);
        if let Some(token) = token {
            request = request.bearer_auth(token.expose());
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                if let Some(redirected) = Redirected::of(&error) {
                    let (answer, target) = (redirected.answer(), Some(redirected.target.clone()));
                    return Ok(Exchange { answer, target });
                }
                return Err(NoAnswer {
                    reason: reason(&error),
                    was_sent: !error.is_connect() && !error.is_builder(),
                });
            }
        };
        let target = response.headers().get("location");
        let target = target.and_then(|target| response.url().join(target.to_str().ok()?).ok());
        let answer = read(response).await;
        Ok(Exchange {
            answer: answer.map_err(|reason| NoAnswer { reason, was_sent: true })?,
            target,
        })
    }

    /// The versions of the specification that the server speaks; needs no token.
    pub async fn versions(&self) -> Class {
        let request = self.http.get(self.url(&["_matrix", "client", "versions"]));
        other(&send(request).await)
    }

    /// Reads what is at a path below `/_matrix/client/v3`, given as its segments.
    pub async fn get(&self, token: &Secret, path: &[&str]) -> Class {
        let request = self.request(Method::GET, path).bearer_auth(token.expose());
        other(&send(request).await)
    }

    /// Reads a datum of the account.
    pub async fn account_data(&self, token: &Secret, user: &UserId, kind: &str) -> Class {
        self.get(token, &["user", user.as_str(), "account_data", kind]).await
    }

    /// Writes a datum of the account.
    pub async fn set_account_data(&self, token: &Secret, user: &UserId, kind: &str, content: &impl Serialize) -> Class {
        let request = self
            .request(Method::PUT, &["user", user.as_str(), "account_data", kind])
            .bearer_auth(token.expose())
            .json(content);
        other(&send(request).await)
    }

    /// Reads a whole state event, of which [`Server::get`] shows only the content.
    pub async fn state_event(&self, token: &Secret, room: &RoomId, kind: &str, key: &str) -> Class {
        let request = self
            .request(Method::GET, &["rooms", room.as_str(), "state", kind, key])
            .query(&[("format", "event")])
            .bearer_auth(token.expose());
        other(&send(request).await)
    }

    /// All keys that the server hands out for a user: of devices and of cross-signing.
    pub async fn own_keys(&self, token: &Secret, user: &UserId) -> Class {
        let body = json!({ "device_keys": { user.as_str(): [] } });
        let request = self
            .request(Method::POST, &["keys", "query"])
            .bearer_auth(token.expose())
            .json(&body);
        other(&send(request).await)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let path = ["_matrix", "client", "v3"]
            .iter()
            .chain(path)
            .copied()
            .collect::<Vec<_>>();
        self.http.request(method, self.url(&path))
    }

    fn url(&self, path: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        url
    }
}

/// One line on a class that no one expected. Never shows a body.
pub fn describe(class: &Class) -> String {
    match class {
        Class::Other { status, errcode, .. } => format!("HTTP {status} {errcode}").trim_end().to_owned(),
        Class::Unreachable(reason) => reason.clone(),
        Class::Limited(delay) => format!("it limits requests, for {} s", delay.as_secs_f64().ceil()),
        Class::Dead => "the token is dead".to_owned(),
        Class::Blocked(blocker) => blocker.to_string(),
        Class::WayBroken(words) => format!("the token does not arrive at the homeserver ({words})"),
        Class::Redirected(target) => format!("it redirects to {target}, which is not followed"),
        Class::NoPasswords(flows) if flows.is_empty() => "this server has no way to log in".to_owned(),
        Class::NoPasswords(flows) => format!("this server takes no passwords, only {}", flows.join(", ")),
        Class::AccountBlocked(block) => Blocker::Account(*block).to_string(),
        Class::Refused(words) => words.clone(),
        Class::WrongUser { user, .. } => format!("the token is {user}'s"),
        Class::Alive { .. } | Class::LoggedIn { .. } | Class::Refreshed { .. } | Class::Done(_) => {
            "it succeeded".to_owned()
        }
    }
}

fn other(answer: &Result<Answer, String>) -> Class {
    classify(Asked::Other, &Expected::Anyone, answer)
}

async fn send(request: RequestBuilder) -> Result<Answer, String> {
    match request.timeout(REQUEST_TIMEOUT).send().await {
        Ok(response) => read(response).await,
        Err(error) => Redirected::of(&error).map_or_else(|| Err(reason(&error)), |redirected| Ok(redirected.answer())),
    }
}

async fn read(mut response: reqwest::Response) -> Result<Answer, String> {
    let status = response.status().as_u16();
    let header = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    // A date in `Retry-After` is one by the server's clock, which need not be ours.
    let clock = header("date").and_then(|date| httpdate::parse_http_date(&date).ok());
    let now = clock.unwrap_or_else(SystemTime::now);
    let wait = header("retry-after").and_then(|header| retry_after(&header, now));
    let location = header("location");
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| reason(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > BODY_LIMIT {
            return Err(format!("HTTP {status} with a body of more than {BODY_LIMIT} bytes"));
        }
    }
    Ok(Answer {
        status,
        retry_after: wait,
        location,
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

/// The innermost cause says what happened ("Connection refused"); the outer ones only that something did.
fn reason(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "timed out"
    } else if error.is_connect() {
        "cannot connect"
    } else {
        "the request failed"
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    if std::ptr::addr_eq(cause, std::ptr::from_ref(error)) {
        kind.to_owned()
    } else {
        format!("{kind}: {cause}")
    }
}
