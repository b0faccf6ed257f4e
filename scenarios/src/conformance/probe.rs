//! Asks the steps of an area of one homeserver.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use harness::homeserver::{Homeserver, Sessions};
use reqwest::Method;
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

use super::{
    Area, Error,
    memory::{Memory, encode},
    normal::normal,
    recording::{Answer, Recording},
    step::{Action, Body, Step, View, password},
};

/// The server name that every probed homeserver must have, so that user ids are the same everywhere.
pub const SERVER_NAME: &str = "conformance.test";

/// How many long polls a step waits for what it wants to see; each ends as soon as there is news.
const POLLS: usize = 12;
const POLL_MILLISECONDS: u32 = 2_000;

/// Asks all steps of an area, in order.
///
/// A step that cannot be asked, because what it builds on never came, ends the probe: the recording says why, and holds the answers till then.
///
/// # Errors
///
/// When the HTTP client cannot be made.
pub async fn probe(area: &Area, homeserver: &dyn Homeserver) -> Result<Recording, reqwest::Error> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build()?;
    let mut probe = Probe {
        http,
        homeserver,
        memory: Memory::default(),
        polls: BTreeMap::new(),
    };
    let mut recording = Recording::default();
    for step in area.steps() {
        match probe.take(&step).await {
            Ok(answer) => {
                recording.answers.insert(step.name.to_owned(), answer);
            }
            Err(error) => {
                recording.stopped = Some(error.to_string());
                break;
            }
        }
    }
    Ok(recording)
}

/// A raw answer: status and body, or the body as text where it is no JSON.
struct Raw {
    status: u16,
    body: Value,
}

struct Probe<'a> {
    http: reqwest::Client,
    homeserver: &'a dyn Homeserver,
    memory: Memory,
    polls: BTreeMap<String, JoinHandle<Result<Raw, reqwest::Error>>>,
}

impl Probe<'_> {
    async fn take(&mut self, step: &Step) -> Result<Answer, Error> {
        let raw = match &step.action {
            Action::Ask { method, path, body } => self.ask(step, method, path, body).await?,
            Action::Register { user } => self.register(step, user).await?,
            Action::Sync { until, initial } => self.sync(step, until, *initial).await?,
            Action::Poll { name, milliseconds } => self.start_poll(step, name, *milliseconds).await?,
            Action::Collect { name } => self.collect(step, name).await?,
            Action::Admin { command } => self.admin(step, command).await?,
            Action::Reset {
                user,
                password,
                log_out,
            } => self.reset(step, user, password, *log_out).await?,
        };
        for (name, pointer) in &step.saves {
            if let Some(value) = raw.body.pointer(pointer).and_then(Value::as_str) {
                self.memory.save(name, value);
            }
        }
        Ok(self.answer(step, &raw))
    }

    fn answer(&self, step: &Step, raw: &Raw) -> Answer {
        let whole = normal(&raw.body, &self.memory);
        let body = match step.view {
            View::Whole => whole,
            View::Only(pointers) => only(&whole, pointers),
            View::Pick(pick) => pick(&whole),
        };
        Answer {
            request: step.label(),
            status: raw.status,
            body,
        }
    }

    async fn ask(&self, step: &Step, method: &Method, path: &str, body: &Body) -> Result<Raw, Error> {
        let path = self.memory.fill_path(path).map_err(unknown(step))?;
        let token = self.token(step)?;
        let Body::Uia { body, user, password } = body else {
            let content = match body {
                Body::Json(value) => Some(self.memory.fill_json(value).map_err(unknown(step))?.to_string()),
                Body::Text(text) => Some(self.memory.fill(text).map_err(unknown(step))?),
                Body::None | Body::Uia { .. } => None,
            };
            return self.send(step, method, &path, token.as_deref(), content).await;
        };
        let mut body = self.memory.fill_json(body).map_err(unknown(step))?;
        let first = self
            .send(step, method, &path, token.as_deref(), Some(body.to_string()))
            .await?;
        let Some(session) = first.body.get("session").and_then(Value::as_str) else {
            return Ok(first);
        };
        let auth = json!({
            "type": "m.login.password", "session": session, "password": password,
            "identifier": {"type": "m.id.user", "user": user},
        });
        if let Some(fields) = body.as_object_mut() {
            fields.insert("auth".to_owned(), auth);
        }
        self.send(step, method, &path, token.as_deref(), Some(body.to_string()))
            .await
    }

    /// Walks the stages of registration: the token, then a dummy where one is asked for.
    async fn register(&self, step: &Step, user: &str) -> Result<Raw, Error> {
        let account = json!({"username": user, "password": password(user)});
        let mut raw = self
            .send(step, &Method::POST, "/v3/register", None, Some(account.to_string()))
            .await?;
        for stage in ["m.login.registration_token", "m.login.dummy"] {
            let Some(session) = raw
                .body
                .get("session")
                .and_then(Value::as_str)
                .filter(|_| raw.status == 401)
            else {
                break;
            };
            let mut body = account.clone();
            body["auth"] = json!({"type": stage, "token": self.homeserver.registration_token(), "session": session});
            raw = self
                .send(step, &Method::POST, "/v3/register", None, Some(body.to_string()))
                .await?;
        }
        Ok(raw)
    }

    async fn sync(&mut self, step: &Step, until: &[String], initial: bool) -> Result<Raw, Error> {
        let user = step.who.clone().unwrap_or_default();
        let since = format!("{user}.since");
        let token = self.token(step)?;
        let mut last = Value::Null;
        for _ in 0..POLLS {
            let position = self.memory.get(&since).filter(|_| !initial).map(encode);
            let timeout = if position.is_some() { POLL_MILLISECONDS } else { 0 };
            let path = match &position {
                Some(position) => format!("/v3/sync?timeout={timeout}&since={position}"),
                None => format!("/v3/sync?timeout={timeout}"),
            };
            let raw = self.send(step, &Method::GET, &path, token.as_deref(), None).await?;
            if let Some(next) = raw.body.get("next_batch").and_then(Value::as_str) {
                self.memory.save(&since, next);
            }
            let seen = normal(&raw.body, &self.memory);
            if raw.status != 200
                || until
                    .iter()
                    .all(|pointer| seen.pointer(pointer).is_some_and(holds_something))
            {
                return Ok(raw);
            }
            last = seen;
        }
        Err(not_seen(step, &until.join(" and "), &last))
    }

    /// Starts a long poll and waits until the server has begun with it, so that nothing that comes next can overtake it.
    ///
    /// A server forgets the messages to a device up to the position from which the device syncs. So the device gets a message before the
    /// poll's position, and when it is gone, seen from an older position, the poll has been taken, with its token.
    async fn start_poll(&mut self, step: &Step, name: &str, milliseconds: u32) -> Result<Raw, Error> {
        let user = step.who.clone().unwrap_or_default();
        let token = self.token(step)?.unwrap_or_default();
        let before = self.sync_from(step, &token, None, 0).await?;
        let position = position_of(&before);
        self.send_canary(step, &user, &token, name).await?;
        let since = self.see_canary(step, &token, &position).await?;
        let request = self
            .http
            .get(self.url(&format!("/v3/sync?timeout={milliseconds}&since={}", encode(&since))))
            .bearer_auth(&token);
        self.polls.insert(name.to_owned(), tokio::spawn(receive(request)));
        self.miss_canary(step, &token, &position).await?;
        self.memory.save(&format!("{user}.since"), &since);
        Ok(Raw {
            status: 0,
            body: json!("pending"),
        })
    }

    /// Sends a message to the device of `user` itself.
    async fn send_canary(&self, step: &Step, user: &str, token: &str, transaction: &str) -> Result<(), Error> {
        let whoami = self
            .send(step, &Method::GET, "/v3/account/whoami", Some(token), None)
            .await?;
        let (id, device) = (&whoami.body["user_id"], &whoami.body["device_id"]);
        let (id, device) = (id.as_str().unwrap_or_default(), device.as_str().unwrap_or_default());
        let body = json!({"messages": {id: {device: {"of": user}}}});
        let path = format!("/v3/sendToDevice/{CANARY}/{transaction}");
        self.send(step, &Method::PUT, &path, Some(token), Some(body.to_string()))
            .await
            .map(drop)
    }

    /// Syncs until the message is there; answers the position after it.
    async fn see_canary(&self, step: &Step, token: &str, from: &str) -> Result<String, Error> {
        let mut last = Value::Null;
        for _ in 0..POLLS {
            let raw = self.sync_from(step, token, Some(from), POLL_MILLISECONDS).await?;
            if has_canary(&raw.body) {
                return Ok(position_of(&raw));
            }
            last = raw.body;
        }
        Err(not_seen(step, "a message to the device", &last))
    }

    /// Syncs from before the message until it is gone.
    async fn miss_canary(&self, step: &Step, token: &str, from: &str) -> Result<(), Error> {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut last = Value::Null;
        // Each time with another time-out, since Synapse answers the same question from memory.
        for timeout in 1.. {
            let raw = self.sync_from(step, token, Some(from), timeout).await?;
            if raw.status != 200 || !has_canary(&raw.body) {
                return Ok(());
            }
            last = raw.body;
            if Instant::now() > deadline {
                break;
            }
        }
        Err(not_seen(step, "the poll to be taken", &last))
    }

    async fn sync_from(&self, step: &Step, token: &str, since: Option<&str>, timeout: u32) -> Result<Raw, Error> {
        let since = since
            .map(|since| format!("&since={}", encode(since)))
            .unwrap_or_default();
        let path = format!("/v3/sync?timeout={timeout}{since}");
        self.send(step, &Method::GET, &path, Some(token), None).await
    }

    /// The answer of a pending poll.
    async fn collect(&mut self, step: &Step, name: &str) -> Result<Raw, Error> {
        let poll = self.polls.remove(name).ok_or_else(|| unknown(step)(name.to_owned()))?;
        match poll.await {
            Ok(answer) => answer.map_err(|source| Error::NoAnswer {
                step: step.name,
                request: step.label(),
                source,
            }),
            Err(_) => Err(unknown(step)(name.to_owned())),
        }
    }

    async fn admin(&self, step: &Step, command: &str) -> Result<Raw, Error> {
        let command = self.memory.fill(command).map_err(unknown(step))?;
        let answer = self
            .homeserver
            .operator()
            .console(&command)
            .await
            .map_err(|source| Error::Operator {
                step: step.name,
                source: Box::new(source),
            })?;
        Ok(Raw {
            status: 0,
            body: answer.map_or(Value::Null, Value::String),
        })
    }

    async fn reset(&self, step: &Step, user: &str, password: &str, log_out: bool) -> Result<Raw, Error> {
        let sessions = if log_out { Sessions::LogOut } else { Sessions::Keep };
        self.homeserver
            .operator()
            .reset_password(user, password, sessions)
            .await
            .map_err(|source| Error::Operator {
                step: step.name,
                source: Box::new(source),
            })?;
        Ok(Raw {
            status: 0,
            body: Value::Null,
        })
    }

    async fn send(
        &self,
        step: &Step,
        method: &Method,
        path: &str,
        token: Option<&str>,
        body: Option<String>,
    ) -> Result<Raw, Error> {
        let mut request = self.http.request(method.clone(), self.url(path));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body);
        }
        receive(request).await.map_err(|source| Error::NoAnswer {
            step: step.name,
            request: step.label(),
            source,
        })
    }

    fn token(&self, step: &Step) -> Result<Option<String>, Error> {
        let Some(user) = &step.who else { return Ok(None) };
        let name = format!("{user}.token");
        self.memory
            .get(&name)
            .map(|token| Some(token.to_owned()))
            .ok_or_else(|| unknown(step)(name))
    }

    /// A path that starts with `/_` is taken from the root, any other one from the client-server API.
    fn url(&self, path: &str) -> String {
        let base = self.homeserver.base_url().as_str().trim_end_matches('/');
        if path.starts_with("/_") {
            format!("{base}{path}")
        } else {
            format!("{base}/_matrix/client{path}")
        }
    }
}

/// The type of the message by which a poll is seen to be taken.
const CANARY: &str = "org.example.canary";

fn has_canary(body: &Value) -> bool {
    let messages = body.pointer("/to_device/events").and_then(Value::as_array);
    messages.is_some_and(|messages| messages.iter().any(|message| message["type"] == CANARY))
}

fn position_of(sync: &Raw) -> String {
    sync.body["next_batch"].as_str().unwrap_or_default().to_owned()
}

fn not_seen(step: &Step, what: &str, last: &Value) -> Error {
    Error::NotSeen {
        step: step.name,
        what: what.to_owned(),
        last: last.to_string().chars().take(600).collect(),
    }
}

async fn receive(request: reqwest::RequestBuilder) -> Result<Raw, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let text = response.text().await?;
    let body = serde_json::from_str(&text).unwrap_or_else(|_| Value::String(format!("no JSON: {text}")));
    Ok(Raw { status, body })
}

fn unknown(step: &Step) -> impl Fn(String) -> Error {
    let step = step.name;
    move |name| Error::Unknown { step, name }
}

fn holds_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    }
}

/// The values at the pointers; an error's body always counts whole.
fn only(whole: &Value, pointers: &[&str]) -> Value {
    let picked: Map<String, Value> = pointers
        .iter()
        .filter_map(|&pointer| whole.pointer(pointer).map(|value| (pointer.to_owned(), value.clone())))
        .collect();
    Value::Object(picked)
}
