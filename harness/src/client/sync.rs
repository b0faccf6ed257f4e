use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{Error, Result, User, http::segment};
use crate::wait::TimedOut;

/// How long a long poll may last. Shorter than any patience: servers do not wake a poll for everything.
const POLL: Duration = Duration::from_secs(5);

/// An answer to `GET /sync`.
#[derive(Clone, Debug)]
pub struct SyncAnswer(Value);

impl SyncAnswer {
    /// From its body.
    pub fn new(body: Value) -> Self {
        Self(body)
    }

    /// The whole body.
    pub fn body(&self) -> &Value {
        &self.0
    }

    /// The position to go on from.
    pub fn next_batch(&self) -> &str {
        self.0["next_batch"].as_str().unwrap_or_default()
    }

    /// The ids of the joined rooms in it.
    pub fn joined(&self) -> impl Iterator<Item = &str> {
        self.section("join")
    }

    /// The ids of the rooms invited to in it.
    pub fn invited(&self) -> impl Iterator<Item = &str> {
        self.section("invite")
    }

    /// The ids of the rooms knocked on in it.
    pub fn knocked(&self) -> impl Iterator<Item = &str> {
        self.section("knock")
    }

    /// The ids of the rooms left in it.
    pub fn left(&self) -> impl Iterator<Item = &str> {
        self.section("leave")
    }

    /// Who sent the invite to a room.
    pub fn inviter(&self, room: &str, invited: &str) -> Option<&str> {
        let events = self.0["rooms"]["invite"][room]["invite_state"]["events"].as_array()?;
        events
            .iter()
            .find(|event| event["type"] == "m.room.member" && event["state_key"] == invited)?["sender"]
            .as_str()
    }

    /// The timeline events of a joined or left room.
    pub fn timeline(&self, room: &str) -> &[Value] {
        ["join", "leave"]
            .iter()
            .find_map(|section| self.0["rooms"][section][room]["timeline"]["events"].as_array())
            .map_or(&[], Vec::as_slice)
    }

    /// The state events of a joined room, without those of the timeline.
    pub fn state(&self, room: &str) -> &[Value] {
        self.0["rooms"]["join"][room]["state"]["events"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    fn section(&self, name: &str) -> impl Iterator<Item = &str> {
        let rooms = self.0["rooms"][name].as_object();
        rooms.into_iter().flat_map(|rooms| rooms.keys().map(String::as_str))
    }

    /// What it holds, in a few words.
    fn summary(&self) -> String {
        let list = |ids: Vec<&str>| {
            if ids.is_empty() {
                "none".to_owned()
            } else {
                ids.join(" ")
            }
        };
        format!(
            "joined {}; invited to {}; knocked on {}",
            list(self.joined().collect()),
            list(self.invited().collect()),
            list(self.knocked().collect())
        )
    }
}

impl User {
    /// One sync from a position, or from the beginning.
    ///
    /// # Errors
    ///
    /// When the server refuses.
    pub async fn sync(&self, since: Option<&str>, timeout: Duration) -> Result<SyncAnswer> {
        let mut filter = json!({ "room": { "timeline": { "limit": 100 } }, "presence": { "types": [] } });
        if since.is_none() {
            // Synapse answers the same question for two minutes from memory: whoever looks afresh asks a question of their own.
            filter["presence"]["not_senders"] = json!([format!("@look-{:016x}:nowhere", rand::random::<u64>())]);
        }
        let filter = filter.to_string();
        let mut path = format!(
            "/_matrix/client/v3/sync?timeout={}&filter={}",
            timeout.as_millis(),
            segment(&filter)
        );
        if let Some(since) = since {
            path = format!("{path}&since={}", segment(since));
        }
        self.request(Method::GET, &path, None).await.map(SyncAnswer)
    }

    /// Syncs from the beginning and on until an answer holds what is wanted. What is there already counts.
    ///
    /// # Errors
    ///
    /// [`Error::TimedOut`] with what the first answer held; or when the server refuses.
    pub async fn sync_until<T>(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&SyncAnswer) -> Option<T>,
    ) -> Result<T> {
        let began = Instant::now();
        let deadline = began + patience;
        let mut answer = self.sync(None, Duration::ZERO).await?;
        let mut last_seen = answer.summary();
        loop {
            if let Some(found) = wanted(&answer) {
                return Ok(found);
            }
            let since = answer.next_batch().to_owned();
            let poll = POLL.min(deadline.saturating_duration_since(Instant::now()));
            let next = timeout_at(deadline, self.sync(Some(&since), poll)).await;
            let over = Instant::now() >= deadline;
            match next {
                Ok(next) => answer = next?,
                Err(_) => return Err(timed_out(what, began, last_seen)),
            }
            if answer.body().get("rooms").is_some() {
                last_seen = answer.summary();
            }
            if over && wanted(&answer).is_none() {
                return Err(timed_out(what, began, last_seen));
            }
        }
    }

    /// Waits for an invite to a room that is wanted, by its id; answers the id.
    ///
    /// # Errors
    ///
    /// As [`sync_until`](Self::sync_until).
    pub async fn wait_invite(&self, what: &str, patience: Duration, wanted: impl Fn(&str) -> bool) -> Result<String> {
        self.sync_until(what, patience, |answer| {
            answer.invited().find(|room| wanted(room)).map(str::to_owned)
        })
        .await
    }

    /// Waits for a timeline event of a room; answers the event.
    ///
    /// # Errors
    ///
    /// As [`sync_until`](Self::sync_until).
    pub async fn wait_event(
        &self,
        room: &str,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Result<Value> {
        self.sync_until(what, patience, |answer| {
            answer.timeline(room).iter().find(|event| wanted(event)).cloned()
        })
        .await
    }

    /// Waits for a cleartext message of somebody that holds a text; answers its body.
    ///
    /// # Errors
    ///
    /// As [`sync_until`](Self::sync_until).
    pub async fn wait_message(&self, room: &str, sender: &str, text: &str, patience: Duration) -> Result<String> {
        let what = format!("a message of {sender} with '{text}'");
        let event = self
            .wait_event(room, &what, patience, |event| {
                let body = event["content"]["body"].as_str().unwrap_or_default();
                event["type"] == "m.room.message" && event["sender"] == sender && body.contains(text)
            })
            .await?;
        Ok(event["content"]["body"].as_str().unwrap_or_default().to_owned())
    }
}

fn timed_out(what: &str, began: Instant, last_seen: String) -> Error {
    Error::TimedOut(TimedOut {
        what: what.to_owned(),
        waited: began.elapsed(),
        last_seen,
    })
}
