//! From the sync to the inbox.

use async_trait::async_trait;
use matrix_sdk::{
    deserialized_responses::TimelineEvent,
    ruma::{EventId, OwnedRoomId, OwnedUserId, RoomId, UserId},
    sync::{JoinedRoomUpdate, State, SyncResponse},
};
use serde_json::Value;

use super::Step;
use crate::{
    config::{FlowConfig, Role},
    identity::{Intake, IntakeError, Live},
    matrix,
    storage::{
        Store, StoreError, lobby, notes, now_ms,
        queue::{self, Queue},
    },
};

/// The name of the value that says from when on messages are heard.
pub(crate) const HORIZON: &str = "horizon";

/// Stores what the sync brings.
#[derive(Clone, Debug)]
pub struct Inlet {
    store: Store,
    flow: FlowConfig,
}

/// A row to be.
struct Row {
    key: String,
    lane: String,
    step: Step,
    /// When it was sent, for what a first sync shows of the past.
    sent: i64,
}

impl Inlet {
    /// An inlet into `store`.
    pub fn new(store: Store, flow: FlowConfig) -> Self {
        Self { store, flow }
    }

    fn rows(&self, role: Role, own: &UserId, batch: &SyncResponse) -> Vec<Row> {
        let mut rows = Vec::new();
        for (room, update) in &batch.rooms.joined {
            if *room == self.flow.space && role == Role::Approver {
                rows.extend(events(update).filter_map(|event| knock(&event)));
                if update.timeline.limited {
                    rows.push(Row {
                        key: format!("find-knocks:{}", batch.next_batch),
                        lane: "find-knocks".to_owned(),
                        step: Step::FindKnocks,
                        sent: now_ms(),
                    });
                }
            }
            let is_command_room = *room == self.flow.command_room;
            if self.flow.children.contains(room) && role == Role::Approver {
                rows.extend(events(update).filter_map(|event| newcomer(&event, room, own)));
            }
            // What people say in the community's own rooms is none of the bot's business.
            if !is_command_room && (*room == self.flow.space || self.flow.children.contains(room)) {
                continue;
            }
            if is_command_room && role != Role::Approver {
                continue;
            }
            rows.extend(
                events(update)
                    .filter_map(|event| joined(&event, room, own))
                    .filter(|_| !is_command_room),
            );
            if update.timeline.limited && !is_command_room {
                rows.push(Row {
                    key: format!("look-back:{}:{room}", batch.next_batch),
                    lane: room.to_string(),
                    step: Step::LookBack {
                        role,
                        room: room.clone(),
                    },
                    sent: i64::MAX,
                });
            }
            let timeline = raw(&update.timeline.events);
            rows.extend(timeline.filter_map(|event| message(&event, role, room, own, is_command_room)));
        }
        rows
    }
}

/// The state and the timeline of a room, in order.
fn events(update: &JoinedRoomUpdate) -> impl Iterator<Item = Value> {
    let (State::Before(state) | State::After(state)) = &update.state;
    let state = state.iter().filter_map(|event| event.deserialize_as_unchecked().ok());
    state.chain(raw(&update.timeline.events))
}

fn raw(timeline: &[TimelineEvent]) -> impl Iterator<Item = Value> {
    timeline
        .iter()
        .filter_map(|event| event.raw().deserialize_as_unchecked().ok())
}

fn member<'a>(event: &'a Value, membership: &str) -> Option<(OwnedUserId, &'a str)> {
    (event["type"] == "m.room.member" && event["content"]["membership"] == membership).then_some(())?;
    Some((
        UserId::parse(event["state_key"].as_str()?).ok()?,
        event["event_id"].as_str()?,
    ))
}

fn sent(event: &Value) -> i64 {
    event["origin_server_ts"].as_i64().unwrap_or(i64::MAX)
}

fn knock(event: &Value) -> Option<Row> {
    let (user, id) = member(event, "knock")?;
    let reason = event["content"]["reason"].as_str().unwrap_or_default();
    Some(knock_row(user, id, reason))
}

fn knock_row(user: OwnedUserId, event: &str, reason: &str) -> Row {
    Row {
        key: format!("knock:{event}"),
        lane: format!("knock:{user}"),
        step: Step::Knock {
            user,
            event: event.to_owned(),
            reason: reason.trim().to_owned(),
        },
        // A knock stands until it is answered: it is never too old.
        sent: i64::MAX,
    }
}

fn joined(event: &Value, room: &RoomId, own: &UserId) -> Option<Row> {
    let (user, id) = member(event, "join")?;
    (user != own).then(|| Row {
        key: format!("join:{id}"),
        lane: room.to_string(),
        step: Step::Joined {
            room: room.to_owned(),
            user,
        },
        sent: i64::MAX,
    })
}

/// Somebody who was not in the room before: a new name or picture is a join event, too.
fn newcomer(event: &Value, room: &RoomId, own: &UserId) -> Option<Row> {
    let (user, id) = member(event, "join")?;
    let was_in = event["unsigned"]["prev_content"]["membership"] == "join";
    (user != own && !was_in).then(|| Row {
        key: format!("newcomer:{id}"),
        // Lanes of their own: nobody waits for somebody else's keys.
        lane: format!("newcomer:{id}"),
        step: Step::Newcomer {
            room: room.to_owned(),
            user,
        },
        sent: i64::MAX,
    })
}

fn message(raw: &Value, role: Role, room: &RoomId, own: &UserId, commands: bool) -> Option<Row> {
    let id = EventId::parse(raw["event_id"].as_str()?).ok()?;
    let sender = UserId::parse(raw["sender"].as_str()?).ok()?;
    if sender == own {
        return None;
    }
    let key = format!("message:{id}");
    let row = |key, step| Row {
        key,
        lane: room.to_string(),
        step,
        sent: sent(raw),
    };
    match raw["type"].as_str()? {
        "m.room.message" => {
            // An edit would be a second answer, a notice is another bot.
            let content = &raw["content"];
            if content["msgtype"] != "m.text" || content["m.relates_to"]["rel_type"] == "m.replace" {
                return None;
            }
            let body = content["body"].as_str()?;
            (!commands || body.trim_start().starts_with('!')).then(|| {
                let step = Step::Message {
                    role,
                    room: room.to_owned(),
                    event: id,
                    sender,
                    body: body.to_owned(),
                };
                row(key, step)
            })
        }
        "m.room.encrypted" if commands => {
            let step = Step::Undecrypted {
                room: room.to_owned(),
                event: id,
                looks: 0,
            };
            // A lane of its own: later commands do not wait for its key.
            let mut row = row(format!("undecrypted:{}", raw["event_id"].as_str()?), step);
            row.lane.clone_from(&row.key);
            Some(row)
        }
        _ => None,
    }
}

fn failed(what: &'static str) -> impl Fn(StoreError) -> IntakeError {
    move |error| IntakeError::new(what, error)
}

#[async_trait]
impl Intake for Inlet {
    async fn position(&self, role: Role) -> Result<Option<String>, IntakeError> {
        let position = self.store.run(move |tx| notes::position(tx, role)).await;
        position.map_err(failed("reading the sync position"))
    }

    async fn take(&self, role: Role, live: &Live, batch: &SyncResponse, next: &str) -> Result<(), IntakeError> {
        let rows = self.rows(role, &live.user_id, batch);
        let next = next.to_owned();
        let taken = self.store.run(move |tx| {
            // Not only in the first batch: a homeserver may answer a first sync from its cache, and then the past comes second.
            let horizon = notes::value(tx, HORIZON)?.and_then(|value| value.parse().ok());
            let horizon = horizon.unwrap_or(i64::MIN);
            for row in rows.iter().filter(|row| row.sent >= horizon) {
                queue::put(tx, Queue::Inbox, &row.key, &row.lane, &row.step, 0)?;
            }
            notes::set_position(tx, role, &next)
        });
        taken.await.map_err(failed("storing a sync batch"))
    }

    async fn resumed(&self, role: Role, live: &Live) -> Result<(), IntakeError> {
        self.claim_lobbies(role, live).await?;
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
    /// The old approver did not write down which identity made a lobby: whoever is in the room serves it.
    async fn claim_lobbies(&self, role: Role, live: &Live) -> Result<(), IntakeError> {
        let open = self.store.run(lobby::open_rooms).await;
        let open = open.map_err(failed("reading the open lobbies"))?;
        if open.is_empty() {
            return Ok(());
        }
        let joined = matrix::joined_among(live, &open).await;
        let joined = joined.map_err(|error| IntakeError::new("asking which lobbies the identity is in", error))?;
        let claimed = self.store.run(move |tx| {
            joined
                .iter()
                .try_for_each(|room| lobby::set_host(tx, room.as_str(), role.name()))
        });
        claimed.await.map_err(failed("claiming lobbies"))
    }

    /// Sets from when on messages found by a first sync are heard, unless that is set already.
    pub fn set_horizon(tx: &rusqlite::Transaction<'_>, ms: i64) -> Result<(), StoreError> {
        match notes::value(tx, HORIZON)? {
            Some(_) => Ok(()),
            None => notes::set_value(tx, HORIZON, &ms.to_string()),
        }
    }

    /// Puts what people did in one of the bot's rooms into the inbox, each unless it was ever there; answers how much was new. The room is
    /// as old as its challenge, so that its last page is all of it.
    pub async fn look_back(
        store: &Store,
        live: &Live,
        role: Role,
        room: &OwnedRoomId,
    ) -> Result<usize, crate::lanes::WorkError> {
        let events = matrix::last_page(live, room).await?;
        let rows = events.iter().flat_map(|event| {
            let joined = joined(event, room, &live.user_id);
            joined.or_else(|| message(event, role, room, &live.user_id, false))
        });
        let rows: Vec<Row> = rows.collect();
        let new = store
            .run(move |tx| {
                let mut new = 0;
                for row in &rows {
                    new += usize::from(queue::put(tx, Queue::Inbox, &row.key, &row.lane, &row.step, 0)?);
                }
                Ok::<_, StoreError>(new)
            })
            .await?;
        Ok(new)
    }

    /// Puts the knocks that stand now into the inbox, each unless it was ever there; answers how many were new.
    pub async fn find_knocks(
        store: &Store,
        live: &Live,
        space: &OwnedRoomId,
    ) -> Result<usize, crate::lanes::WorkError> {
        let knocks = matrix::knocks(live, space).await?;
        let new = store
            .run(move |tx| {
                let mut new = 0;
                for (user, event, reason) in knocks {
                    let row = knock_row(user, &event, &reason);
                    new += usize::from(queue::put(tx, Queue::Inbox, &row.key, &row.lane, &row.step, 0)?);
                }
                Ok::<_, StoreError>(new)
            })
            .await?;
        Ok(new)
    }
}
