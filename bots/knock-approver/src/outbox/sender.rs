//! Works off the outbox.

use std::{sync::Arc, time::Instant};

use async_trait::async_trait;
use matrix_sdk::ruma::{
    OwnedEventId, OwnedRoomId, RoomVersionId,
    api::client::room::{Visibility, create_room},
    events::AnyInitialStateEvent,
    serde::Raw,
};
use serde_json::{json, value::to_raw_value};
use sha2::{Digest, Sha256};

use super::{Effect, Made, Purpose, effect::Outgoing};
use crate::{
    breaker::{Admission, Breaker},
    config::{Config, Role},
    flows::{Team, awaited},
    health::{Board, Degraded},
    identity::{Identity, Live},
    intake::Step,
    lanes::{WorkError, Worker},
    matrix::{self, MARKER, Membership, Refusal, Sought},
    metrics::Metrics,
    storage::{
        Store, StoreError, audit, codes, lobby, notes, now_ms,
        queue::{self, Entry, Queue},
        vetting,
    },
};

/// Does the effects.
#[derive(Debug)]
pub struct Sender {
    config: Arc<Config>,
    store: Store,
    team: Team,
    breaker: Arc<Breaker>,
    board: Board,
    metrics: Metrics,
    /// What makes this database's keys differ from those of one that was lost: some servers recognise a transaction id
    /// whatever the room.
    instance: String,
}

const INSTANCE: &str = "instance";

/// What became of an effect.
enum Outcome {
    Done,
    /// A message was sent and became this event.
    Sent(OwnedEventId),
    Room(OwnedRoomId),
    Refused(Refusal),
}

#[async_trait]
impl Worker for Sender {
    async fn work(&self, entry: Entry) -> Result<(), WorkError> {
        let outgoing: Outgoing = entry.read()?;
        let role = outgoing.role;
        if matches!(outgoing.effect, Effect::Message { .. }) && !self.admitted(&entry, role).await? {
            return Ok(());
        }
        let mut outcome = self
            .attempted(self.team.identity(role), &entry, &outgoing.effect)
            .await?;
        // An old room may be the other identity's, which only the homeserver knows.
        if let (Outcome::Refused(no), Some(other)) = (&outcome, self.team.other(role))
            && no.status == 403
            && outgoing.effect.is_in_own_room()
        {
            let second = self.attempted(other, &entry, &outgoing.effect).await?;
            if !matches!(second, Outcome::Refused(_)) {
                outcome = second;
            }
        }
        self.settle(entry, outgoing, outcome).await
    }
}

impl Sender {
    /// A sender over these parts.
    pub async fn new(
        config: Arc<Config>,
        store: Store,
        team: Team,
        breaker: Arc<Breaker>,
        board: Board,
        metrics: Metrics,
    ) -> Result<Self, StoreError> {
        let instance = store.run(|tx| {
            if let Some(instance) = notes::value(tx, INSTANCE)? {
                return Ok(instance);
            }
            let instance = codes::random_name(8);
            notes::set_value(tx, INSTANCE, &instance)?;
            Ok::<_, StoreError>(instance)
        });
        Ok(Self {
            instance: instance.await?,
            config,
            store,
            team,
            breaker,
            board,
            metrics,
        })
    }

    async fn attempted(&self, identity: &Identity, entry: &Entry, effect: &Effect) -> Result<Outcome, WorkError> {
        match identity.call(|live| self.attempt(live, entry, effect)).await {
            Ok(Some(outcome)) => Ok(outcome),
            Ok(None) => Err(WorkError::NotYet("the client does not know the room")),
            Err(error) => match matrix::refusal(&error) {
                Some(no) => Ok(Outcome::Refused(no)),
                None => Err(error.into()),
            },
        }
    }

    /// The transaction id of a row, and the marker in what it makes. That of news is the same in every database, so that
    /// what a lost one said is known again.
    fn marker(&self, entry: &Entry, effect: &Effect) -> String {
        match effect {
            Effect::Message { since: Some(_), .. } => {
                let digest = Sha256::digest(entry.key.as_bytes());
                let short: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
                format!("news.{short}")
            }
            _ => format!("{}.{}", self.instance, entry.key),
        }
    }

    /// Asks the breaker; where it is open, the message is moved to the time when it may close.
    async fn admitted(&self, entry: &Entry, role: Role) -> Result<bool, StoreError> {
        match self.breaker.admit(Instant::now()) {
            Admission::Go { again } => {
                if again {
                    self.board.note(role, "breaker", None);
                    tracing::info!("the circuit breaker is closed again");
                }
                Ok(true)
            }
            Admission::Wait { wait, opened } => {
                if opened {
                    self.metrics.count("breaker", "opened");
                    tracing::error!(
                        messages = self.config.breaker.messages,
                        window = ?self.config.breaker.window,
                        "the circuit breaker opened: more messages than a window may have; nothing is sent until it closes"
                    );
                    let note = Degraded {
                        what: "the circuit breaker is open: too many messages in a short time; none are sent"
                            .to_owned(),
                        cure: format!(
                            "look in the log for what loops; it closes by itself {} s after it opened, or on a restart",
                            wait.as_secs()
                        ),
                    };
                    self.board.note(role, "breaker", Some(note));
                }
                let due = now_ms().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX));
                let (id, tried) = (entry.id, entry.tried.clone().unwrap_or_default());
                self.store
                    .run(move |tx| match tried.as_str() {
                        "" => queue::postpone(tx, Queue::Outbox, id, due),
                        tried => queue::later(tx, Queue::Outbox, id, due, tried),
                    })
                    .await?;
                Ok(false)
            }
        }
    }

    /// One attempt; `None` where it has to wait for the sync.
    async fn attempt(&self, live: Live, entry: &Entry, effect: &Effect) -> Result<Option<Outcome>, matrix_sdk::Error> {
        let marker = &self.marker(entry, effect);
        if let Some(outcome) = self.already(&live, entry, effect).await? {
            return Ok(Some(outcome));
        }
        self.trying(entry.id, &live).await?;
        match effect {
            Effect::CreateRoom { purpose } => {
                let room = matrix::create_room(&live, self.request(purpose), marker).await?;
                return Ok(Some(Outcome::Room(room)));
            }
            Effect::Message { room, body, plain, .. } => {
                let content = json!({ "msgtype": "m.text", "body": body, MARKER: marker });
                let sent = if *plain {
                    Some(matrix::send_plain(&live, room, marker, &content).await?)
                } else {
                    matrix::send_through_room(&live, room, marker, &content).await?
                };
                return Ok(sent.map(Outcome::Sent));
            }
            Effect::Invite { room, user } => matrix::invite(&live, room, user).await?,
            Effect::Leave { room } => matrix::leave(&live, room).await?,
        }
        Ok(Some(Outcome::Done))
    }

    /// What an earlier attempt, or somebody else, achieved already.
    async fn already(&self, live: &Live, entry: &Entry, effect: &Effect) -> Result<Option<Outcome>, matrix_sdk::Error> {
        let tried = entry.tried.as_deref();
        Ok(match effect {
            Effect::CreateRoom { .. } if tried.is_some() => {
                let known = self.known_rooms().await?;
                let room =
                    matrix::find_marked_room(live, &self.marker(entry, effect), |room| known.contains(room.as_str()))
                        .await?;
                room.map(Outcome::Room)
            }
            Effect::Message { room, since, .. }
                if since.is_some() || tried.is_some_and(|device| device != live.device_id.as_str()) =>
            {
                let others = self.sent_events().await?;
                let sought = Sought {
                    marker: &self.marker(entry, effect),
                    since: since.unwrap_or(entry.created),
                    others: &others,
                };
                matrix::said(live, room, sought).await?.then_some(Outcome::Done)
            }
            Effect::Invite { room, user } => {
                match matrix::membership(live, room, user).await {
                    Ok(Membership::Joined | Membership::Invited) => Some(Outcome::Done),
                    Ok(_) => None,
                    // Who may not look may still invite; the invite is answered for itself.
                    Err(error) if matrix::refusal(&error).is_some() => None,
                    Err(error) => return Err(error),
                }
            }
            _ => None,
        })
    }

    async fn trying(&self, id: i64, live: &Live) -> Result<(), matrix_sdk::Error> {
        let device = live.device_id.to_string();
        let written = self
            .store
            .run(move |tx| queue::trying(tx, Queue::Outbox, id, &device))
            .await;
        written.map_err(|error: StoreError| matrix_sdk::Error::UnknownError(Box::new(error)))
    }

    async fn known_rooms(&self) -> Result<std::collections::HashSet<String>, matrix_sdk::Error> {
        let known = self.store.run(queue::known_rooms).await;
        known.map_err(|error: StoreError| matrix_sdk::Error::UnknownError(Box::new(error)))
    }

    async fn sent_events(&self) -> Result<std::collections::HashSet<String>, matrix_sdk::Error> {
        let sent = self.store.run(queue::sent_events).await;
        sent.map_err(|error: StoreError| matrix_sdk::Error::UnknownError(Box::new(error)))
    }

    fn request(&self, purpose: &Purpose) -> create_room::v3::Request {
        let mut request = create_room::v3::Request::new();
        let community = &self.config.flow.community;
        match purpose {
            Purpose::Vetting { user, .. } => {
                request.name = Some(format!("{community} – hello"));
                request.preset = Some(create_room::v3::RoomPreset::PrivateChat);
                request.invite = vec![user.clone()];
            }
            Purpose::Lobby { alias, .. } => {
                request.name = Some(format!("{community} – lobby"));
                request.preset = Some(create_room::v3::RoomPreset::PublicChat);
                request.visibility = Visibility::Private;
                request.room_version = Some(RoomVersionId::V11);
                request.room_alias_name = Some(alias.clone());
                let visible = json!({
                    "type": "m.room.history_visibility",
                    "state_key": "",
                    "content": { "history_visibility": "world_readable" },
                });
                let visible = to_raw_value(&visible).map(Raw::<AnyInitialStateEvent>::from_json);
                request.initial_state = visible.into_iter().collect();
            }
        }
        request
    }

    /// Keeps the outcome, and puts what follows from it into the inbox, in one transaction.
    async fn settle(&self, entry: Entry, outgoing: Outgoing, outcome: Outcome) -> Result<(), WorkError> {
        let word = match &outcome {
            Outcome::Refused(no) => {
                tracing::warn!(key = entry.key, %no, "an effect was refused");
                "refused"
            }
            Outcome::Done | Outcome::Sent(_) | Outcome::Room(_) => "done",
        };
        let kind = match &outgoing.effect {
            Effect::CreateRoom { .. } => "rooms_created",
            Effect::Message { .. } => "messages",
            Effect::Invite { .. } => "invites",
            Effect::Leave { .. } => "leaves",
        };
        self.store
            .run(move |tx| {
                if !queue::done(tx, Queue::Outbox, entry.id)? {
                    return Ok(());
                }
                if let Outcome::Refused(no) = &outcome {
                    let detail = json!({ "key": entry.key, "effect": outgoing.effect, "status": no.status, "errcode": no.errcode });
                    audit::write(tx, "effect_refused", &detail)?;
                }
                if let Outcome::Sent(event) = &outcome {
                    queue::sent_as(tx, entry.id, event.as_str())?;
                }
                if let (Outcome::Done, Effect::Invite { room, user }) = (&outcome, &outgoing.effect) {
                    notes::set_value(tx, &awaited(room, user), "")?;
                }
                let Effect::CreateRoom { purpose } = outgoing.effect else {
                    return Ok(());
                };
                let (lane, room) = match outcome {
                    Outcome::Room(room) => {
                        match &purpose {
                            Purpose::Vetting { id, .. } => vetting::set_room(tx, *id, room.as_str())?,
                            Purpose::Lobby { id, .. } => lobby::set_room(tx, *id, room.as_str())?,
                        }
                        (room.to_string(), Ok(room))
                    }
                    Outcome::Refused(no) => (entry.lane, Err(no.errcode)),
                    Outcome::Done | Outcome::Sent(_) => return Ok(()),
                };
                let step = Step::Made(Made { purpose, room });
                queue::put(tx, Queue::Inbox, &format!("made:{}", entry.key), &lane, &step, 0)?;
                Ok::<_, StoreError>(())
            })
            .await?;
        self.metrics.count(kind, word);
        Ok(())
    }
}
