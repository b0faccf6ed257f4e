use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::FirstUser;
use crate::homeserver::{
    Error, Result,
    interface::{Interface, Request},
};

/// How long the server may take to answer a command.
const DEADLINE: Duration = Duration::from_secs(20);
/// How long one wait for news may take, in milliseconds: what a lost one costs.
const WAKE: &str = "1000";

/// The room in which the server carries out what an administrator writes.
///
/// One command at a time: the answer is found by the event it replies to. It is read from `/messages`; the long poll of `/sync` only
/// wakes the reader. conduwuit 0.5.0 takes `next_batch` from a counter that an event still being written has raised already, so that
/// `/sync` can pass that event by for good.
pub(super) struct AdminRoom {
    http: Interface,
    token: String,
    room_id: String,
    filter: String,
    position: Mutex<String>,
}

impl AdminRoom {
    /// Joins the admin room: conduwuit has joined its first user already, continuwuity's may only be invited.
    pub(super) async fn enter(http: Interface, server_name: &str, operator: &FirstUser) -> Result<Self> {
        let action = "enter the admin room";
        let alias = format!("#admins:{server_name}");
        let path = ["_matrix", "client", "v3", "join", &alias];
        let request = Request::new(Method::POST, &path).token(&operator.token).body(json!({}));
        let answer = http.expect(action, request).await?;
        let room_id = text(&answer, "room_id", action)?.to_owned();
        let filter = json!({
            "presence": { "types": [] },
            "account_data": { "types": [] },
            "room": {
                "rooms": [room_id],
                "timeline": { "types": ["m.room.message"], "limit": 50 },
                "state": { "types": [] },
                "ephemeral": { "types": [] },
            },
        })
        .to_string();
        let room = Self {
            http,
            token: operator.token.clone(),
            room_id,
            filter,
            position: Mutex::new(String::new()),
        };
        let answer = room.sync(&[("timeout", "0"), ("filter", &room.filter)]).await?;
        *room.position.lock().await = text(&answer, "next_batch", action)?.to_owned();
        Ok(room)
    }

    /// Writes `!admin COMMAND` and answers what the server replied. `action` says in an error what was tried.
    pub(super) async fn command(&self, action: &str, command: &str) -> Result<String> {
        let mut position = self.position.lock().await;
        let asked = self.write(action, &format!("!admin {command}")).await?;
        let since = Instant::now();
        loop {
            if let Some(reply) = reply_to(&self.recent(action).await?, &asked) {
                return Ok(reply);
            }
            if since.elapsed() > DEADLINE {
                return Err(Error::Operator {
                    action: action.to_owned(),
                    reason: format!("the admin room did not answer within {DEADLINE:?}"),
                });
            }
            let wait = [
                ("since", position.as_str()),
                ("timeout", WAKE),
                ("filter", &self.filter),
            ];
            let news = self.sync(&wait).await?;
            *position = text(&news, "next_batch", action)?.to_owned();
        }
    }

    /// The room's last events, the newest first.
    async fn recent(&self, action: &str) -> Result<Value> {
        let path = ["_matrix", "client", "v3", "rooms", &self.room_id, "messages"];
        let query = [("dir", "b"), ("limit", "20")];
        let request = Request::new(Method::GET, &path).query(&query).token(&self.token);
        self.http.expect(action, request).await
    }

    async fn write(&self, action: &str, body: &str) -> Result<String> {
        let transaction = format!("{:016x}", rand::random::<u64>());
        let path = [
            "_matrix",
            "client",
            "v3",
            "rooms",
            &self.room_id,
            "send",
            "m.room.message",
            &transaction,
        ];
        let message = json!({ "msgtype": "m.text", "body": body });
        let request = Request::new(Method::PUT, &path).token(&self.token).body(message);
        let answer = self.http.expect(action, request).await?;
        Ok(text(&answer, "event_id", action)?.to_owned())
    }

    async fn sync(&self, query: &[(&str, &str)]) -> Result<Value> {
        let path = ["_matrix", "client", "v3", "sync"];
        let request = Request::new(Method::GET, &path).query(query).token(&self.token);
        self.http.expect("read the admin room", request).await
    }
}

/// The text of the message that replies to an event.
fn reply_to(messages: &Value, event_id: &str) -> Option<String> {
    messages.get("chunk")?.as_array()?.iter().find_map(|event| {
        let asked = event.pointer("/content/m.relates_to/m.in_reply_to/event_id")?;
        (asked == event_id).then(|| event.pointer("/content/body")?.as_str().map(str::to_owned))?
    })
}

fn text<'a>(answer: &'a Value, field: &str, action: &str) -> Result<&'a str> {
    answer
        .get(field)
        .and_then(Value::as_str)
        .ok_or_else(|| Error::Operator {
            action: action.to_owned(),
            reason: format!("the answer has no {field}"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_reply_to_the_command_is_its_answer() {
        let message = |to: &str, body: &str| {
            json!({
                "type": "m.room.message",
                "content": { "body": body, "m.relates_to": { "m.in_reply_to": { "event_id": to } } },
            })
        };
        let messages = json!({ "chunk": [
            { "type": "m.room.message", "content": { "body": "Making @x:y leave all rooms after deactivation..." } },
            message("$other", "no"),
            message("$mine", "yes"),
        ] });
        assert_eq!(reply_to(&messages, "$mine"), Some("yes".to_owned()));
        assert_eq!(reply_to(&messages, "$later"), None);
        assert_eq!(reply_to(&json!({}), "$mine"), None);
    }
}
