//! From the sync to the inbox.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use matrix_sdk::{
    deserialized_responses::TimelineEvent,
    ruma::{OwnedRoomId, RoomId, UserId},
    sync::{JoinedRoomUpdate, State, SyncResponse},
};
use rusqlite::Transaction;
use serde_json::Value;

use super::row::{self, Past, Row};
use crate::{
    config::{FlowConfig, Role},
    identity::{Intake, IntakeError, Live},
    matrix,
    storage::{
        Store, StoreError, clock, facts, lobby, now_ms,
        queue::{self, Queue},
        vetting,
    },
    work::Step,
};

/// Stores what the sync brings.
#[derive(Clone, Debug)]
pub struct Inlet {
    pub(super) store: Store,
    pub(super) flow: FlowConfig,
    /// The identities whose next batch is the first since they began again.
    catching_up: Arc<Mutex<HashSet<Role>>>,
}

/// What a batch holds for the flows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    pub(super) rows: Vec<Row>,
    /// Rooms in which something changed that effects may wait for.
    pub(super) changed: Vec<OwnedRoomId>,
    /// Whether keys may have come.
    pub(super) keys: bool,
}

/// A room's update, as far as it matters here.
pub(crate) struct Update<'a> {
    pub(crate) room: &'a RoomId,
    pub(crate) state: Vec<Value>,
    pub(crate) timeline: Vec<Value>,
    pub(crate) limited: bool,
    /// Whether it is of the first batch since the identity began again. A newer copy of the database, which is lost, may have dealt with it.
    pub(crate) catches_up: bool,
}

impl Update<'_> {
    /// Whether the room shows itself as a whole, as it does in a first sync: what is in it need not be new.
    fn is_whole(&self) -> bool {
        self.events()
            .any(|event| event["type"] == "m.room.create" && event["state_key"].is_string())
    }

    /// The state and the timeline, in order.
    fn events(&self) -> impl Iterator<Item = &Value> {
        self.state.iter().chain(&self.timeline)
    }
}

impl Inlet {
    /// An inlet into `store`.
    pub fn new(store: Store, flow: FlowConfig) -> Self {
        Self {
            store,
            flow,
            catching_up: Arc::default(),
        }
    }

    fn catching_up(&self) -> std::sync::MutexGuard<'_, HashSet<Role>> {
        self.catching_up.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn news(&self, role: Role, own: &UserId, batch: &SyncResponse) -> News {
        let mut news = News {
            keys: !batch.to_device.is_empty(),
            ..News::default()
        };
        let catches_up = self.catching_up().contains(&role);
        for (room, update) in &batch.rooms.joined {
            let update = Update {
                catches_up,
                ..read(room, update)
            };
            self.joined_room(role, own, &update, &batch.next_batch, &mut news);
        }
        for room in batch.rooms.left.keys() {
            news.rows.push(ended(role, room, &batch.next_batch));
        }
        news
    }

    pub(crate) fn joined_room(&self, role: Role, own: &UserId, update: &Update<'_>, next: &str, news: &mut News) {
        let room = update.room;
        if update.events().any(|event| lets_in(event, own)) {
            news.changed.push(room.to_owned());
        }
        let is_command_room = *room == self.flow.command_room;
        if role == Role::Approver {
            if *room == self.flow.space {
                self.knocks(update, next, news);
            }
            if self.flow.children.iter().any(|child| child == room) {
                let newcomers = update.events().filter_map(|event| row::newcomer(event, room, own));
                news.rows.extend(newcomers);
            }
        }
        // What people say in the community's own rooms is none of the bot's business.
        if is_command_room {
            if role == Role::Approver {
                news.rows.extend(messages(role, own, update, true));
            }
        } else if *room != self.flow.space && !self.flow.children.iter().any(|child| child == room) {
            own_room(role, own, update, next, news);
        }
    }

    fn knocks(&self, update: &Update<'_>, next: &str, news: &mut News) {
        let whole = update.is_whole();
        for event in update.events() {
            news.rows.extend(row::knock(event, whole || update.catches_up));
        }
        if !whole {
            news.rows.extend(update.timeline.iter().filter_map(row::knock_ended));
        }
        // Either leaves out who knocks no more.
        if update.limited || whole {
            let key = format!("find-knocks:{next}");
            news.rows.push(Row::new(key, "find-knocks", Step::FindKnocks));
        }
    }

    /// Keeps what a batch brings, and moves the position.
    pub(crate) fn keep(tx: &Transaction<'_>, role: Role, news: &News, next: &str) -> Result<(), StoreError> {
        let first = facts::position(tx, role)?.is_none();
        for row in &news.rows {
            match row.past {
                Past::Over => continue,
                Past::InFirstBatch if first => continue,
                Past::InFirstBatch | Past::None => row.put(tx)?,
            };
        }
        for room in &news.changed {
            queue::wake(tx, room.as_str())?;
        }
        if news.keys {
            queue::hasten(tx, "undecrypted:")?;
        }
        clock::beat(tx)?;
        facts::set_position(tx, role, next)
    }
}

fn read<'a>(room: &'a RoomId, update: &JoinedRoomUpdate) -> Update<'a> {
    let (State::Before(state) | State::After(state)) = &update.state;
    let raw = |event: &TimelineEvent| {
        let whole: Value = event.raw().deserialize_as_unchecked().ok()?;
        Some(shown(whole, event.encryption_info().is_some()))
    };
    Update {
        room,
        state: state
            .iter()
            .filter_map(|event| event.deserialize_as_unchecked().ok())
            .collect(),
        timeline: update.timeline.events.iter().filter_map(raw).collect(),
        limited: update.timeline.limited,
        catches_up: false,
    }
}

/// An event as it counts. State is never encrypted: what is decrypted and pretends to be some is a member's invention.
fn shown(mut event: Value, is_decrypted: bool) -> Value {
    if is_decrypted && let Some(event) = event.as_object_mut() {
        event.remove("state_key");
    }
    event
}

/// Whether an event may let the identity do what it could not.
fn lets_in(event: &Value, own: &UserId) -> bool {
    match event["type"].as_str() {
        Some("m.room.power_levels" | "m.room.join_rules") => true,
        Some("m.room.member") => event["state_key"] == own.as_str(),
        _ => false,
    }
}

/// What people do in a room that may be one of the bot's.
fn own_room(role: Role, own: &UserId, update: &Update<'_>, next: &str, news: &mut News) {
    let room = update.room;
    let joins = update.events().filter_map(|event| row::joined(event, room, own));
    news.rows.extend(joins);
    if update.limited {
        news.rows.push(look_back(role, room, next, update.is_whole()));
    }
    news.rows.extend(messages(role, own, update, false));
    if update.timeline.iter().any(|event| event["type"] == "m.room.tombstone") {
        news.rows.push(ended(role, room, next));
    }
}

/// What is said. Of a room that shows itself as a whole only what nobody answered is new, and a command only where the bot
/// had spoken before: otherwise nobody was there whom it was meant for.
fn messages(role: Role, own: &UserId, update: &Update<'_>, commands: bool) -> Vec<Row> {
    let timeline = &update.timeline;
    let (from, past) = match (update.is_whole(), commands) {
        (false, _) => (0, Past::None),
        (true, false) => (row::unanswered_from(timeline, own), Past::InFirstBatch),
        (true, true) => match row::unanswered_from(timeline, own) {
            0 => (timeline.len(), Past::Over),
            place => (place, Past::Over),
        },
    };
    let rows = timeline.iter().enumerate().filter_map(|(place, event)| {
        let mut row = row::message(event, role, update.room, own, commands)?;
        if place < from {
            row.past = past;
        }
        Some(row)
    });
    rows.collect()
}

fn look_back(role: Role, room: &RoomId, time: &str, whole: bool) -> Row {
    let step = Step::LookBack {
        role,
        room: room.to_owned(),
        whole,
    };
    Row::new(format!("look-back:{time}:{room}"), room, step)
}

fn ended(role: Role, room: &RoomId, next: &str) -> Row {
    let step = Step::RoomEnded {
        role,
        room: room.to_owned(),
    };
    let key = format!("ended:{next}:{}:{room}", role.name());
    // A lane of its own: the room's is not held up where it turns out to go on.
    Row::new(key.clone(), key, step)
}

fn failed(what: &'static str) -> impl Fn(StoreError) -> IntakeError {
    move |error| {
        let cure = error.step();
        IntakeError::new(what, error).with_cure(cure)
    }
}

#[async_trait]
impl Intake for Inlet {
    async fn position(&self, role: Role) -> Result<Option<String>, IntakeError> {
        let position = self.store.run(move |tx| facts::position(tx, role)).await;
        position.map_err(failed("reading the sync position"))
    }

    async fn take(&self, role: Role, live: &Live, batch: &SyncResponse, next: &str) -> Result<(), IntakeError> {
        let news = self.news(role, &live.user_id, batch);
        let next = next.to_owned();
        let taken = self.store.run(move |tx| Self::keep(tx, role, &news, &next));
        taken.await.map_err(failed("storing a sync batch"))?;
        self.catching_up().remove(&role);
        Ok(())
    }

    async fn resumed(&self, role: Role, live: &Live) -> Result<(), IntakeError> {
        self.catching_up().insert(role);
        self.find_own_rooms(role, live).await?;
        if role != Role::Approver {
            return Ok(());
        }
        let key = format!("find-knocks:{}:{}", live.generation, now_ms());
        let put = self
            .store
            .run(move |tx| queue::put(tx, Queue::Inbox, &key, "find-knocks", &Step::FindKnocks, 0));
        put.await.map(drop).map_err(failed("asking for the knocks"))
    }

    async fn finished(&self, mut rooms: Vec<OwnedRoomId>) -> Result<Vec<OwnedRoomId>, IntakeError> {
        let busy = self.store.run(queue::busy_lanes).await;
        let busy = busy.map_err(failed("reading which rooms are busy"))?;
        rooms.retain(|room| !busy.contains(room.as_str()));
        Ok(rooms)
    }
}

impl Inlet {
    /// The old approver did not write down which identity made a lobby: whoever is in the room serves it. Rooms that the
    /// identity is not in any more may have ended while it was away. In the others somebody may have answered who is never heard of: the
    /// sync goes on from a position that a homeserver which came back from a backup has not reached.
    async fn find_own_rooms(&self, role: Role, live: &Live) -> Result<(), IntakeError> {
        let open = self.store.run(move |tx| {
            let mut open = lobby::open_rooms(tx)?;
            if role == Role::Approver {
                open.extend(vetting::open_rooms(tx)?);
            }
            Ok::<HashSet<String>, StoreError>(open)
        });
        let open = open.await.map_err(failed("reading the open rooms"))?;
        if open.is_empty() {
            return Ok(());
        }
        let joined = matrix::joined_among(live, &open).await;
        let joined = joined.map_err(|error| IntakeError::new("asking which rooms the identity is in", error))?;
        let key = format!("{}:{}", live.generation, now_ms());
        let kept = self.store.run(move |tx| {
            for room in &joined {
                lobby::set_host(tx, room.as_str(), role.name())?;
                look_back(role, room, &key, true).put(tx)?;
            }
            let joined: HashSet<&str> = joined.iter().map(|room| room.as_str()).collect();
            let gone = open.iter().filter(|room| !joined.contains(room.as_str()));
            for room in gone.filter_map(|room| OwnedRoomId::try_from(room.as_str()).ok()) {
                ended(role, &room, &key).put(tx)?;
            }
            Ok(())
        });
        kept.await.map_err(failed("claiming rooms"))
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::room_id;
    use serde_json::json;

    use super::*;

    #[test]
    fn what_a_member_encrypts_is_never_taken_for_state() {
        let forged = |kind: &str, content: Value| {
            let event = json!({ "type": kind, "state_key": "@bob:hs", "event_id": "$e", "sender": "@eve:hs", "content": content });
            (shown(event.clone(), true), shown(event, false))
        };
        let (create, real) = forged("m.room.create", json!({}));
        let is_whole = |event: Value| {
            let update = Update {
                room: room_id!("!r:hs"),
                state: Vec::new(),
                timeline: vec![event],
                limited: false,
                catches_up: false,
            };
            update.is_whole()
        };
        assert!(!is_whole(create) && is_whole(real));
        let own = <&UserId>::try_from("@bot:hs").unwrap();
        let (join, real) = forged("m.room.member", json!({ "membership": "join" }));
        let joined = |event: &Value| row::joined(event, room_id!("!r:hs"), own);
        assert!(joined(&join).is_none() && joined(&real).is_some());
        let (knock, real) = forged("m.room.member", json!({ "membership": "knock", "reason": "live" }));
        assert!(row::knock(&knock, false).is_none() && row::knock(&real, false).is_some());
    }
}
