//! What the cases stand on: users, rooms, devices, a backup, a file. All of it is made by plain requests.

use harness::homeserver::Homeserver;
use reqwest::Method;
use serde_json::{Value, json};

use super::{
    super::{
        memory::{Memory, encode},
        step::password,
    },
    error::StageError,
};

/// Who takes part. alice makes the rooms, carol has left them, dave is banned, erin invited; bob has nothing to do with them; sam has one room
/// and asks what one would ask who comes; lou, pat and quin lose their devices and accounts.
const USERS: &[&str] = &["alice", "bob", "carol", "dave", "erin", "sam", "lou", "pat", "quin"];

/// A raw answer: status and body, or a word for a body that is no JSON.
#[derive(Clone, Debug)]
pub(super) struct Raw {
    pub(super) status: u16,
    pub(super) body: Value,
}

/// What is sent as a body.
pub(super) enum Payload {
    Nothing,
    Json(String),
    Bytes(&'static [u8]),
}

pub(super) struct Stage<'a> {
    http: reqwest::Client,
    homeserver: &'a dyn Homeserver,
    pub(super) memory: Memory,
    rooms: usize,
}

impl<'a> Stage<'a> {
    /// Makes everything that is there from the start.
    pub(super) async fn set(homeserver: &'a dyn Homeserver) -> Result<Self, StageError> {
        let http = reqwest::Client::builder()
            .timeout(std::time::Duration::from_secs(60))
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|source| no_answer("the first request", source))?;
        let mut stage = Self {
            http,
            homeserver,
            memory: Memory::default(),
            rooms: 0,
        };
        for user in USERS {
            stage.register(user).await?;
        }
        stage.log_in("bob", "dead").await?;
        stage
            .make("a dead token", &Method::POST, "/v3/logout", "dead", json!({}))
            .await?;
        stage.hall().await?;
        stage.belongings().await?;
        stage.positions().await?;
        Ok(stage)
    }

    /// The room that all look at who change nothing, with a thread and a reaction, and the space that it is in.
    async fn hall(&mut self) -> Result<(), StageError> {
        self.room(false).await?;
        self.join("sam").await?;
        let relation = json!({"rel_type": "m.thread", "event_id": "{event}"});
        self.say(
            "thread",
            "m.room.message",
            json!({"msgtype": "m.text", "body": "hello again", "m.relates_to": relation}),
        )
        .await?;
        let relation = json!({"rel_type": "m.annotation", "event_id": "{event}", "key": "x"});
        self.say("reaction", "m.reaction", json!({ "m.relates_to": relation }))
            .await?;
        let alias = "/v3/directory/room/%23spare%3Aconformance.test";
        self.make(
            "a spare alias",
            &Method::PUT,
            alias,
            "alice",
            json!({"room_id": "{room}"}),
        )
        .await?;
        self.memory.save("spare.alias", "#spare:conformance.test");
        let space = json!({"name": "Space", "preset": "public_chat", "creation_content": {"type": "m.space"}});
        let space = self
            .make("a space", &Method::POST, "/v3/createRoom", "alice", space)
            .await?;
        self.save("space", &space, "/room_id");
        let child = "/v3/rooms/{space}/state/m.space.child/{room}";
        self.make(
            "a child",
            &Method::PUT,
            child,
            "alice",
            json!({"via": ["conformance.test"]}),
        )
        .await?;
        for name in ["room", "event", "alias"] {
            let value = self.memory.get(name).unwrap_or_default().to_owned();
            self.memory.save(&format!("hall.{name}"), &value);
        }
        Ok(())
    }

    /// What alice has besides.
    async fn belongings(&mut self) -> Result<(), StageError> {
        let filter = json!({"room": {"timeline": {"limit": 5}}});
        let filter = self
            .make("a filter", &Method::POST, "/v3/user/{alice}/filter", "alice", filter)
            .await?;
        self.save("filter", &filter, "/filter_id");
        let backup = json!({"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": "abc", "signatures": {}}});
        let backup = self
            .make("a backup", &Method::POST, "/v3/room_keys/version", "alice", backup)
            .await?;
        self.save("backup", &backup, "/version");
        let token = self.memory.get("alice.token").map(str::to_owned);
        let path = "/_matrix/media/v3/upload?filename=text.txt";
        let file = self
            .send(&Method::POST, path, token.as_deref(), Payload::Bytes(b"hello"))
            .await?;
        let uri = file.body["content_uri"].as_str().unwrap_or_default();
        let media = uri.rsplit('/').next().unwrap_or_default().to_owned();
        self.memory.save("media", &media);
        Ok(())
    }

    async fn positions(&mut self) -> Result<(), StageError> {
        for (user, name) in [("alice", "position"), ("sam", "sync")] {
            let token = self.memory.get(&format!("{user}.token")).map(str::to_owned);
            let sync = self
                .send(
                    &Method::GET,
                    "/_matrix/client/v3/sync",
                    token.as_deref(),
                    Payload::Nothing,
                )
                .await?;
            self.save(name, &sync, "/next_batch");
        }
        Ok(())
    }

    /// Makes a room; `{room}`, `{alias}` and `{event}` are its own from now on.
    pub(super) async fn room(&mut self, closed: bool) -> Result<(), StageError> {
        self.rooms += 1;
        let name = format!("hall{}", self.rooms);
        let mut body = json!({"preset": "public_chat", "name": "Hall", "room_alias_name": name});
        if closed {
            body["initial_state"] =
                json!([{"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}]);
        }
        let room = self
            .make("a room", &Method::POST, "/v3/createRoom", "alice", body)
            .await?;
        self.save("room", &room, "/room_id");
        self.memory.save("alias", &format!("#{name}:conformance.test"));
        self.say("event", "m.room.message", json!({"msgtype": "m.text", "body": "hello"}))
            .await?;
        for user in ["carol", "dave"] {
            if closed {
                self.in_room("alice", "invite", json!({"user_id": format!("{{{user}}}")}))
                    .await?;
            }
            self.join(user).await?;
        }
        self.in_room("carol", "leave", json!({})).await?;
        self.in_room("alice", "ban", json!({"user_id": "{dave}"})).await?;
        self.in_room("alice", "invite", json!({"user_id": "{erin}"})).await
    }

    /// The room that was there from the start is `{room}` again.
    pub(super) fn back_to_hall(&mut self) {
        for name in ["room", "event", "alias"] {
            let value = self.memory.get(&format!("hall.{name}")).unwrap_or_default().to_owned();
            self.memory.save(name, &value);
        }
    }

    async fn join(&mut self, user: &str) -> Result<(), StageError> {
        self.in_room(user, "join", json!({})).await
    }

    async fn in_room(&mut self, user: &str, what: &str, body: Value) -> Result<(), StageError> {
        let path = format!("/v3/rooms/{{room}}/{what}");
        self.make(what, &Method::POST, &path, user, body).await.map(drop)
    }

    async fn say(&mut self, name: &str, kind: &str, content: Value) -> Result<(), StageError> {
        let path = format!("/v3/rooms/{{room}}/send/{kind}/{name}{}", self.rooms);
        let sent = self.make(name, &Method::PUT, &path, "alice", content).await?;
        self.save(name, &sent, "/event_id");
        Ok(())
    }

    /// Registers a user by whatever stages the server asks for.
    async fn register(&mut self, user: &str) -> Result<(), StageError> {
        let path = "/_matrix/client/v3/register";
        let account = json!({"username": user, "password": password(user)});
        let mut raw = self
            .send(&Method::POST, path, None, Payload::Json(account.to_string()))
            .await?;
        for stage in ["m.login.registration_token", "m.login.dummy"] {
            let (401, Some(session)) = (raw.status, raw.body["session"].as_str()) else {
                break;
            };
            let mut body = account.clone();
            body["auth"] = json!({"type": stage, "token": self.homeserver.registration_token(), "session": session});
            raw = self
                .send(&Method::POST, path, None, Payload::Json(body.to_string()))
                .await?;
        }
        self.keep_session(user, &accepted(user, raw)?);
        self.memory.save(user, &format!("@{user}:conformance.test"));
        Ok(())
    }

    /// Logs a user in on a new device, which is known under another name or the user's own.
    pub(super) async fn log_in(&mut self, user: &str, name: &str) -> Result<(), StageError> {
        let body = json!({"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password(user)});
        let raw = self
            .send(
                &Method::POST,
                "/_matrix/client/v3/login",
                None,
                Payload::Json(body.to_string()),
            )
            .await?;
        self.keep_session(name, &accepted("a login", raw)?);
        Ok(())
    }

    fn keep_session(&mut self, name: &str, answer: &Raw) {
        self.save(&format!("{name}.token"), answer, "/access_token");
        self.save(&format!("{name}.device"), answer, "/device_id");
    }

    fn save(&mut self, name: &str, answer: &Raw, pointer: &str) {
        if let Some(value) = answer.body.pointer(pointer).and_then(Value::as_str) {
            self.memory.save(name, value);
        }
    }

    /// A request that must succeed. Names in path and body are filled in.
    async fn make(
        &mut self,
        what: &str,
        method: &Method,
        path: &str,
        user: &str,
        body: Value,
    ) -> Result<Raw, StageError> {
        let unknown = |name| StageError::Unknown {
            endpoint: what.to_owned(),
            name,
        };
        let path = self.memory.fill_path(path).map_err(unknown)?;
        let body = self.memory.fill_json(&body).map_err(unknown)?;
        let token = self.memory.get(&format!("{user}.token")).map(str::to_owned);
        let path = format!("/_matrix/client{path}");
        let raw = self
            .send(method, &path, token.as_deref(), Payload::Json(body.to_string()))
            .await?;
        accepted(what, raw)
    }

    /// One request, with a path from the root.
    pub(super) async fn send(
        &self,
        method: &Method,
        path: &str,
        token: Option<&str>,
        payload: Payload,
    ) -> Result<Raw, StageError> {
        let base = self.homeserver.base_url().as_str().trim_end_matches('/');
        let mut request = self.http.request(method.clone(), format!("{base}{path}"));
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        request = match payload {
            Payload::Nothing => request,
            Payload::Json(text) => request.header("content-type", "application/json").body(text),
            Payload::Bytes(bytes) => request.header("content-type", "image/png").body(bytes),
        };
        receive(request)
            .await
            .map_err(|source| no_answer(&format!("{method} {path}"), source))
    }

    /// A value as it stands in a path or a query.
    pub(super) fn encoded(&self, endpoint: &str, template: &str) -> Result<String, StageError> {
        let value = self.memory.fill(template);
        value.map(|value| encode(&value)).map_err(|name| StageError::Unknown {
            endpoint: endpoint.to_owned(),
            name,
        })
    }
}

async fn receive(request: reqwest::RequestBuilder) -> Result<Raw, reqwest::Error> {
    let response = request.send().await?;
    let status = response.status().as_u16();
    let kind = response
        .headers()
        .get("content-type")
        .and_then(|kind| kind.to_str().ok());
    let kind = kind
        .and_then(|kind| kind.split(';').next())
        .unwrap_or("no type")
        .to_owned();
    let bytes = response.bytes().await?;
    let body = match serde_json::from_slice(&bytes) {
        Ok(body) => body,
        Err(_) if bytes.is_empty() => Value::Null,
        Err(_) => json!({ "no JSON but": {"type": kind} }),
    };
    Ok(Raw { status, body })
}

fn accepted(what: &str, raw: Raw) -> Result<Raw, StageError> {
    if raw.status == 200 {
        return Ok(raw);
    }
    Err(StageError::Refused {
        what: what.to_owned(),
        status: raw.status,
        body: raw.body.to_string().chars().take(300).collect(),
    })
}

fn no_answer(request: &str, source: reqwest::Error) -> StageError {
    StageError::NoAnswer {
        request: request.to_owned(),
        source: source.without_url(),
    }
}
