use std::time::Duration;

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::{Error, Result, User, http::segment};
use crate::wait::{self, Poll};

/// A room to be made.
#[derive(Clone, Debug)]
pub struct NewRoom {
    body: Value,
}

impl NewRoom {
    /// A room of a preset: `private_chat`, `trusted_private_chat` or `public_chat`.
    pub fn preset(preset: &str) -> Self {
        Self {
            body: json!({ "preset": preset, "initial_state": [] }),
        }
    }

    /// With a name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.body["name"] = Value::from(name);
        self
    }

    /// Of a room version; else of the server's default.
    #[must_use]
    pub fn version(mut self, version: Option<&str>) -> Self {
        if let Some(version) = version {
            self.body["room_version"] = Value::from(version);
        }
        self
    }

    /// A space.
    #[must_use]
    pub fn space(mut self) -> Self {
        self.body["creation_content"] = json!({ "type": "m.space" });
        self
    }

    /// With a state event.
    #[must_use]
    pub fn state(mut self, kind: &str, key: &str, content: &Value) -> Self {
        if let Some(state) = self.body["initial_state"].as_array_mut() {
            state.push(json!({ "type": kind, "state_key": key, "content": content }));
        }
        self
    }

    /// With end-to-end encryption.
    #[must_use]
    pub fn encrypted(self) -> Self {
        let content = json!({ "algorithm": "m.megolm.v1.aes-sha2" });
        self.state("m.room.encryption", "", &content)
    }

    /// With somebody invited.
    #[must_use]
    pub fn invite<'a>(mut self, users: impl IntoIterator<Item = &'a str>) -> Self {
        self.body["invite"] = users.into_iter().map(Value::from).collect();
        self
    }

    /// With any other key of the request's body.
    #[must_use]
    pub fn with(mut self, key: &str, value: Value) -> Self {
        self.body[key] = value;
        self
    }
}

impl User {
    /// Makes a room; answers its id.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn create_room(&self, room: &NewRoom) -> Result<String> {
        let path = "/_matrix/client/v3/createRoom";
        let mut body = room.body.clone();
        // As of room version 12 the id is the hash of this event: two rooms made in the same millisecond would be one.
        body["creation_content"]["dev.knockproof.nonce"] = Value::from(format!("{:016x}", rand::random::<u64>()));
        let answer = self.request(Method::POST, path, Some(&body)).await?;
        room_id(&answer, path)
    }

    /// Joins a room by its id or alias; answers the id.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn join(&self, room: &str) -> Result<String> {
        let path = format!("/_matrix/client/v3/join/{}", segment(room));
        let answer = self.request(Method::POST, &path, Some(&json!({}))).await?;
        room_id(&answer, &path)
    }

    /// Joins a room that lets members of another one in (restricted join rule), right after that one was joined: continuwuity 26.7.3
    /// may answer the join before the membership counts, and refuse the next request.
    ///
    /// # Errors
    ///
    /// When the server still refuses after `patience`.
    pub async fn join_as_member(&self, room: &str, patience: Duration) -> Result<String> {
        let what = format!("{} to be let into {room}", self.user_id());
        let joined = wait::until(what, patience, || async {
            match self.join(room).await {
                Err(error) if error.errcode() == "M_FORBIDDEN" => Poll::Pending(error.to_string()),
                joined => Poll::Ready(joined),
            }
        });
        joined.await?
    }

    /// Knocks on a room by its id or alias; answers the id.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn knock(&self, room: &str, reason: &str) -> Result<String> {
        let path = format!("/_matrix/client/v3/knock/{}", segment(room));
        let answer = self
            .request(Method::POST, &path, Some(&json!({ "reason": reason })))
            .await?;
        room_id(&answer, &path)
    }

    /// Invites somebody.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn invite(&self, room: &str, user: &str) -> Result<()> {
        let path = format!("/_matrix/client/v3/rooms/{}/invite", segment(room));
        self.request(Method::POST, &path, Some(&json!({ "user_id": user })))
            .await
            .map(drop)
    }

    /// Leaves a room, or declines an invite, or takes a knock back.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn leave(&self, room: &str) -> Result<()> {
        let path = format!("/_matrix/client/v3/rooms/{}/leave", segment(room));
        self.request(Method::POST, &path, Some(&json!({}))).await.map(drop)
    }

    /// Shows the user typing in a room for a moment: news that ends every member's long poll, and nothing that stays.
    ///
    /// # Errors
    ///
    /// As [`Self::request`](super::User::request).
    pub async fn type_in(&self, room: &str) -> Result<()> {
        let path = format!(
            "/_matrix/client/v3/rooms/{}/typing/{}",
            segment(room),
            segment(self.user_id())
        );
        let body = json!({ "typing": true, "timeout": 1000 });
        self.request(Method::PUT, &path, Some(&body)).await.map(drop)
    }

    /// Sends a text; answers the event's id.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn say(&self, room: &str, text: &str) -> Result<String> {
        let content = json!({ "msgtype": "m.text", "body": text });
        self.send_event(room, "m.room.message", &self.transaction(), &content)
            .await
    }

    /// Sends an event with a transaction id; answers the event's id.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn send_event(&self, room: &str, kind: &str, transaction: &str, content: &Value) -> Result<String> {
        let path = format!(
            "/_matrix/client/v3/rooms/{}/send/{}/{}",
            segment(room),
            segment(kind),
            segment(transaction)
        );
        let answer = self.request(Method::PUT, &path, Some(content)).await?;
        event_id(&answer, &path)
    }

    /// The content of a state event.
    ///
    /// # Errors
    ///
    /// When there is none, or the room may not be seen.
    pub async fn state(&self, room: &str, kind: &str, key: &str) -> Result<Value> {
        self.request(Method::GET, &state_path(room, kind, key), None).await
    }

    /// The whole state of a room.
    ///
    /// # Errors
    ///
    /// When the room may not be seen.
    pub async fn full_state(&self, room: &str) -> Result<Vec<Value>> {
        let path = format!("/_matrix/client/v3/rooms/{}/state", segment(room));
        let answer = self.request(Method::GET, &path, None).await?;
        list(answer, &path)
    }

    /// Sets state; answers the event's id.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn set_state(&self, room: &str, kind: &str, key: &str, content: &Value) -> Result<String> {
        let path = state_path(room, kind, key);
        let answer = self.request(Method::PUT, &path, Some(content)).await?;
        event_id(&answer, &path)
    }

    /// Gives somebody a power level, leaving all others as they are.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn give_power(&self, room: &str, user: &str, level: i64) -> Result<()> {
        let mut content = self.state(room, "m.room.power_levels", "").await?;
        if !content["users"].is_object() {
            content["users"] = Value::Object(Map::new());
        }
        content["users"][user] = Value::from(level);
        self.set_state(room, "m.room.power_levels", "", &content)
            .await
            .map(drop)
    }

    /// The membership of a user in a room the client may see; `leave` where there is none.
    ///
    /// # Errors
    ///
    /// When the room may not be seen.
    pub async fn membership(&self, room: &str, user: &str) -> Result<String> {
        match self.state(room, "m.room.member", user).await {
            Ok(content) => Ok(content["membership"].as_str().unwrap_or("leave").to_owned()),
            Err(error) if error.errcode() == "M_NOT_FOUND" => Ok("leave".to_owned()),
            Err(error) => Err(error),
        }
    }

    /// All member events of a room.
    ///
    /// # Errors
    ///
    /// When the room may not be seen.
    pub async fn members(&self, room: &str) -> Result<Vec<Value>> {
        let path = format!("/_matrix/client/v3/rooms/{}/members", segment(room));
        let mut answer = self.request(Method::GET, &path, None).await?;
        list(answer["chunk"].take(), &path)
    }

    /// The last `limit` events of a room, newest first.
    ///
    /// # Errors
    ///
    /// When the room may not be seen.
    pub async fn messages(&self, room: &str, limit: u32) -> Result<Vec<Value>> {
        let path = format!(
            "/_matrix/client/v3/rooms/{}/messages?dir=b&limit={limit}",
            segment(room)
        );
        let mut answer = self.request(Method::GET, &path, None).await?;
        list(answer["chunk"].take(), &path)
    }

    /// The ids of all joined rooms.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn joined_rooms(&self) -> Result<Vec<String>> {
        let path = "/_matrix/client/v3/joined_rooms";
        let mut answer = self.request(Method::GET, path, None).await?;
        serde_json::from_value(answer["joined_rooms"].take()).map_err(|_| Error::Shape {
            what: format!("GET {path}"),
            missing: "joined_rooms",
        })
    }

    /// The room an alias stands for.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub async fn resolve_alias(&self, alias: &str) -> Result<String> {
        let path = format!("/_matrix/client/v3/directory/room/{}", segment(alias));
        let answer = self.request(Method::GET, &path, None).await?;
        room_id(&answer, &path)
    }

    /// The rooms of a space, as the server lists them: the chunk of `GET /hierarchy`.
    ///
    /// # Errors
    ///
    /// When the space may not be seen.
    pub async fn hierarchy(&self, space: &str) -> Result<Vec<Value>> {
        let path = format!("/_matrix/client/v1/rooms/{}/hierarchy", segment(space));
        let mut answer = self.request(Method::GET, &path, None).await?;
        list(answer["rooms"].take(), &path)
    }
}

fn state_path(room: &str, kind: &str, key: &str) -> String {
    format!(
        "/_matrix/client/v3/rooms/{}/state/{}/{}",
        segment(room),
        segment(kind),
        segment(key)
    )
}

fn room_id(answer: &Value, path: &str) -> Result<String> {
    named(answer, "room_id", path)
}

fn event_id(answer: &Value, path: &str) -> Result<String> {
    named(answer, "event_id", path)
}

fn named(answer: &Value, key: &'static str, path: &str) -> Result<String> {
    answer[key].as_str().map(str::to_owned).ok_or_else(|| Error::Shape {
        what: path.to_owned(),
        missing: key,
    })
}

fn list(answer: Value, path: &str) -> Result<Vec<Value>> {
    match answer {
        Value::Array(list) => Ok(list),
        _ => Err(Error::Shape {
            what: path.to_owned(),
            missing: "list",
        }),
    }
}
