//! From events to rows of the inbox.

use matrix_sdk::ruma::{EventId, OwnedUserId, RoomId, UserId};
use rusqlite::Transaction;
use serde_json::Value;

use crate::{
    config::Role,
    storage::{
        StoreError,
        queue::{self, Queue},
    },
    words,
    work::Step,
};

/// So many characters of a knock's reason are looked at: codes are short.
const REASON: usize = 256;
/// So many characters of a message are looked at: ten times what a haiku may have.
const BODY: usize = 4000;

/// What of an event was dealt with before this database knew of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Past {
    /// Nothing: it is new.
    None,
    /// It is new, unless nothing is known of what was before.
    InFirstBatch,
    /// It was dealt with, or nobody was there to.
    Over,
}

/// A row to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) key: String,
    pub(super) lane: String,
    pub(super) step: Step,
    pub(super) past: Past,
}

impl Row {
    pub(super) fn new(key: String, lane: impl ToString, step: Step) -> Self {
        Self {
            key,
            lane: lane.to_string(),
            step,
            past: Past::None,
        }
    }

    /// Puts it into the inbox, unless it was ever there; answers whether it was not.
    pub(super) fn put(&self, tx: &Transaction<'_>) -> Result<bool, StoreError> {
        queue::put(tx, Queue::Inbox, &self.key, &self.lane, &self.step, 0)
    }
}

/// A knock's reason as it is kept and compared.
pub fn reason(text: &str) -> String {
    words::beginning(words::bare(text), REASON)
}

fn member<'a>(event: &'a Value, membership: &[&str]) -> Option<(OwnedUserId, &'a str)> {
    let is = event["content"]["membership"].as_str()?;
    (event["type"] == "m.room.member" && membership.contains(&is)).then_some(())?;
    Some((
        UserId::parse(event["state_key"].as_str()?).ok()?,
        event["event_id"].as_str()?,
    ))
}

/// A knock that stands or stood; `found` where it may be older than this database.
pub(super) fn knock(event: &Value, found: bool) -> Option<Row> {
    let (user, id) = member(event, &["knock"])?;
    let step = Step::Knock {
        event: id.to_owned(),
        reason: reason(event["content"]["reason"].as_str().unwrap_or_default()),
        found,
        sent: event["origin_server_ts"].as_i64().unwrap_or_default(),
        user: user.clone(),
    };
    Some(Row::new(format!("knock:{id}"), format!("knock:{user}"), step))
}

/// Somebody left or was banned, who may have knocked before.
pub(super) fn knock_ended(event: &Value) -> Option<Row> {
    let (user, id) = member(event, &["leave", "ban"])?;
    let before = &event["unsigned"]["prev_content"]["membership"];
    // Not every homeserver tells what was before.
    (before.is_null() || before == "knock").then(|| {
        let step = Step::KnockEnded { user: user.clone() };
        Row::new(format!("knock-ended:{id}"), format!("knock:{user}"), step)
    })
}

/// Somebody joined a room that may be a lobby.
pub(super) fn joined(event: &Value, room: &RoomId, own: &UserId) -> Option<Row> {
    let (user, id) = member(event, &["join"])?;
    (user != own).then(|| {
        let room = room.to_owned();
        Row::new(format!("join:{id}"), room.clone(), Step::Joined { room, user })
    })
}

/// Somebody who was not in the room before: a new name or picture is a join event, too.
pub(super) fn newcomer(event: &Value, room: &RoomId, own: &UserId) -> Option<Row> {
    let (user, id) = member(event, &["join"])?;
    let was_in = event["unsigned"]["prev_content"]["membership"] == "join";
    (user != own && !was_in).then(|| {
        let key = format!("newcomer:{id}");
        // Lanes of their own: nobody waits for somebody else's keys.
        let step = Step::Newcomer {
            room: room.to_owned(),
            user,
        };
        Row::new(key.clone(), key, step)
    })
}

/// A text that may be an answer, or a command.
pub(super) fn message(raw: &Value, role: Role, room: &RoomId, own: &UserId, commands: bool) -> Option<Row> {
    let id = EventId::parse(raw["event_id"].as_str()?).ok()?;
    let sender = UserId::parse(raw["sender"].as_str()?).ok()?;
    if sender == own {
        return None;
    }
    match raw["type"].as_str()? {
        "m.room.message" => {
            let body = said(&raw["content"])?;
            (!commands || body.trim_start().starts_with('!')).then(|| {
                let step = Step::Message {
                    role,
                    room: room.to_owned(),
                    event: id.clone(),
                    sender,
                    body,
                };
                Row::new(format!("message:{id}"), room, step)
            })
        }
        "m.room.encrypted" => {
            // A lane of its own: what comes later does not wait for its key.
            let key = format!("undecrypted:{id}");
            let step = Step::Undecrypted {
                role,
                room: room.to_owned(),
                event: id,
            };
            Some(Row::new(key.clone(), key, step))
        }
        _ => None,
    }
}

/// What somebody says with a message, if it is a text of its own: an edit would be a second answer, a notice is another bot.
pub fn said(content: &Value) -> Option<String> {
    let relation = &content["m.relates_to"];
    if content["msgtype"] != "m.text" || relation["rel_type"] == "m.replace" {
        return None;
    }
    let body = content["body"].as_str()?;
    let own = match relation["m.in_reply_to"].is_object() {
        true => words::without_quotation(body),
        false => body.into(),
    };
    Some(words::beginning(&own, BODY))
}

/// Where what nobody answered begins: after our own last word. Everything is unanswered where we never spoke.
pub(super) fn unanswered_from(events: &[Value], own: &UserId) -> usize {
    let is_ours = |event: &Value| {
        event["sender"] == own.as_str() && (event["type"] == "m.room.message" || event["type"] == "m.room.encrypted")
    };
    events.iter().rposition(is_ours).map_or(0, |place| place + 1)
}
