//! From a public room to an invite.

use std::time::Duration;

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use rusqlite::Transaction;
use serde_json::json;
use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use super::{
    Flows,
    asking::{ONE_BY_ONE, arrived, challenge, news},
    promotion,
    vetting::refusal_text,
};
use crate::{
    challenge::{Challenge, Miss, judge},
    config::{Config, FlowConfig, Role},
    lanes::WorkError,
    matrix::{Failure, Membership},
    outcome::{Passed, Purpose},
    storage::{
        StoreError, audit, codes,
        lobby::{self, Lobby},
        now_ms,
        queue::{self, Entry, Queue},
    },
    words,
    work::{self, Effect, Step},
};

/// How long somebody waits for a lobby: well within what the HTTP side waits for its answer, so that whoever is told of none finds none.
const PATIENCE: Duration = Duration::from_secs(40);

/// A homeserver may bring a join in the sync before it counts. So long it is asked again, in milliseconds.
const SETTLING: i64 = 5000;

/// A lobby that is open.
#[derive(Clone, Debug)]
pub struct Opened {
    /// Its room.
    pub room: OwnedRoomId,
    /// Its whole alias.
    pub alias: String,
    /// What is asked there.
    pub challenge: Challenge,
}

/// Why no lobby was opened. The use of the code was given back.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The code opens nothing.
    #[error("the code is unknown, used up or revoked")]
    InvalidCode,
    /// No identity serves now.
    #[error("no identity can serve now")]
    Unavailable,
    /// The homeserver refused the room.
    #[error("the homeserver refused the room: {0}")]
    Refused(String),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(super) fn key(id: i64) -> String {
    format!("lobby:{id}")
}

pub(super) fn in_ms(wait: Duration) -> i64 {
    now_ms().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

pub(super) fn host(lobby: &Lobby) -> Role {
    if lobby.role == Role::Onboarding.name() {
        Role::Onboarding
    } else {
        Role::Approver
    }
}

impl Flows {
    /// Opens a lobby for a code.
    pub async fn open_lobby(&self, code: String) -> Result<Opened, OpenError> {
        let until = Instant::now() + PATIENCE;
        let role = match self.homeserver.lobby_host() {
            Some(role) => role,
            None if self.homeserver.serves(Role::Approver).await => Role::Approver,
            None => return Err(OpenError::Unavailable),
        };
        let alias = format!("{}{}", self.config.flow.alias_prefix, codes::random_name(10));
        let (taken, local) = (code.clone(), alias.clone());
        let begun: Result<Option<i64>, StoreError> = self
            .store
            .run(move |tx| {
                if codes::take(tx, codes::Kind::Knock, &taken)?.is_none() {
                    return Ok(None);
                }
                Ok(Some(lobby::begin(tx, role.name(), &local, &taken)?))
            })
            .await;
        let id = begun?.ok_or(OpenError::InvalidCode)?;
        let (sender, made) = oneshot::channel();
        self.waiting().insert(id, sender);
        let local = alias.clone();
        self.store
            .run(move |tx| {
                let effect = Effect::CreateRoom {
                    purpose: Purpose::Lobby { id, alias: local },
                    known_as: None,
                    look: false,
                };
                work::put(tx, role, &key(id), &format!("{}:room", key(id)), effect)
            })
            .await?;
        let (challenge, made) = tokio::join!(self.source.challenge(), timeout_at(until, made));
        let failure = match made {
            Ok(Ok(Ok(room))) => return self.opened(id, role, room, alias, challenge).await,
            Ok(Ok(Err(errcode))) => OpenError::Refused(errcode),
            Ok(Err(_)) | Err(_) => OpenError::Unavailable,
        };
        self.waiting().remove(&id);
        self.store.run(move |tx| abandon(tx, id, "create_failed")).await?;
        Err(failure)
    }

    async fn opened(
        &self,
        id: i64,
        role: Role,
        room: OwnedRoomId,
        alias: String,
        challenge: Challenge,
    ) -> Result<Opened, OpenError> {
        let server = match &self.config.server_name {
            Some(name) => name.clone(),
            None => self.server_of(role, &room),
        };
        let due = in_ms(self.config.flow.lobby_timeout);
        let (asked, lane) = (challenge.clone(), room.to_string());
        self.store
            .run(move |tx| {
                lobby::set_challenge(tx, id, &asked.title, &asked.keyword)?;
                audit::write(tx, "lobby_opened", &json!({ "room_id": lane }))?;
                queue::put(
                    tx,
                    Queue::Inbox,
                    &format!("{}:timeout", key(id)),
                    &lane,
                    &Step::LobbyTimeout { id },
                    due,
                )
            })
            .await?;
        self.metrics.count("lobbies", "opened");
        Ok(Opened {
            room,
            alias: format!("#{alias}:{server}"),
            challenge,
        })
    }

    /// The homeserver's name: the identity's, or, where that has died meanwhile, the one in the id of the room that it made.
    fn server_of(&self, role: Role, room: &OwnedRoomId) -> String {
        let actor = self.homeserver.actor_now(role);
        let name = actor.as_ref().map(|actor| actor.user.server_name());
        name.or(room.server_name()).map(ToString::to_string).unwrap_or_default()
    }

    /// The lobby's room is there (or not): tell whoever waits for it.
    pub(super) async fn lobby_room(
        &self,
        entry: Entry,
        id: i64,
        room: Result<OwnedRoomId, String>,
    ) -> Result<(), WorkError> {
        let made = room.clone();
        self.store
            .run(move |tx| {
                let lobby = lobby::by_id(tx, id)?;
                // Nobody waited that long: nobody knows the room.
                if let (Some(lobby), Ok(room)) = (lobby.filter(|lobby| lobby.closed), &made) {
                    promotion::leave(tx, host(&lobby), room, &key(id))?;
                }
                queue::done(tx, Queue::Inbox, entry.id)
            })
            .await?;
        if let Some(waiting) = self.waiting().remove(&id) {
            // Whoever waited may have given up in this moment: the time-out closes the lobby then.
            let _ = waiting.send(room);
        }
        Ok(())
    }

    pub(super) async fn joined(&self, entry: Entry, room: OwnedRoomId, user: OwnedUserId) -> Result<(), WorkError> {
        let due = in_ms(self.config.flow.challenge_delay);
        let own = [Role::Approver, Role::Onboarding]
            .iter()
            .filter_map(|role| self.homeserver.actor_now(*role))
            .any(|actor| actor.user == user);
        let unmade = self
            .store
            .run(move |tx| {
                let Some(lobby) = lobby::in_room(tx, room.as_str())? else {
                    let unmade = !lobby::unmade(tx)?.is_empty();
                    if !unmade {
                        queue::done(tx, Queue::Inbox, entry.id)?;
                    }
                    return Ok::<_, StoreError>(unmade);
                };
                if !lobby.closed && !own && lobby::arrive(tx, lobby.id, user.as_str())? {
                    arrived(tx, &lobby, &room, user, (entry.id, due))?;
                }
                queue::done(tx, Queue::Inbox, entry.id)?;
                Ok(false)
            })
            .await?;
        if unmade {
            return Err(WorkError::NotYet("a room is being made, and this may be it"));
        }
        Ok(())
    }

    pub(super) async fn lobby_challenge(
        &self,
        entry: Entry,
        id: i64,
        user: OwnedUserId,
        again: bool,
    ) -> Result<(), WorkError> {
        if !self.is_there(&entry, id, &user).await? {
            let gone = self.store.run(move |tx| {
                lobby::depart(tx, id, user.as_str())?;
                queue::done(tx, Queue::Inbox, entry.id)
            });
            gone.await?;
            return Ok(());
        }
        let flow = self.config.flow.clone();
        let name = match again {
            true => None,
            // Who is asked need not be called by name.
            false => match self.name_in_lobby(id, &user).await {
                Err(WorkError::Matrix(Failure::Refused(_))) => None,
                name => name?,
            },
        };
        let asked = self
            .store
            .run(move |tx| {
                let lobby = lobby::by_id(tx, id)?.filter(|lobby| !lobby.closed);
                if let Some(lobby) = lobby {
                    if lobby.keyword.is_empty() {
                        return Ok::<_, StoreError>(false);
                    }
                    challenge(tx, &flow, &lobby, &user, name.as_deref(), again)?;
                }
                queue::done(tx, Queue::Inbox, entry.id)?;
                Ok(true)
            })
            .await?;
        if asked {
            Ok(())
        } else {
            Err(WorkError::NotYet("the challenge is being fetched"))
        }
    }

    /// Whether somebody who has joined a lobby is still there. The first of a crowd stands for all of it.
    async fn is_there(&self, entry: &Entry, id: i64, user: &OwnedUserId) -> Result<bool, WorkError> {
        let who = user.to_string();
        let known = self
            .store
            .run(move |tx| Ok::<_, StoreError>((lobby::by_id(tx, id)?, lobby::user(tx, id, &who)?)));
        let (Some(lobby), Some(state)) = known.await? else {
            return Ok(true);
        };
        let is_of_a_crowd = state.challenged && entry.key.contains(":challenge:");
        let room = lobby
            .room_id
            .as_deref()
            .and_then(|room| OwnedRoomId::try_from(room).ok());
        let Some(room) = room.filter(|_| !lobby.closed && !is_of_a_crowd) else {
            return Ok(true);
        };
        match self.homeserver.member(host(&lobby), &room, user).await {
            Ok(member) if member.membership == Membership::Joined => Ok(true),
            Ok(_) if now_ms() < entry.created + SETTLING => Err(WorkError::NotYet(
                "the homeserver does not count the newcomer as joined yet",
            )),
            Ok(_) => Ok(false),
            Err(Failure::Refused(_)) => Ok(true),
            Err(error) => Err(error.into()),
        }
    }

    async fn name_in_lobby(&self, id: i64, user: &OwnedUserId) -> Result<Option<String>, WorkError> {
        let lobby = self.store.run(move |tx| lobby::by_id(tx, id)).await?;
        let Some((lobby, room)) = lobby.and_then(|lobby| {
            let room = OwnedRoomId::try_from(lobby.room_id.clone()?).ok()?;
            Some((lobby, room))
        }) else {
            return Ok(None);
        };
        Ok(self.homeserver.display_name(host(&lobby), &room, user).await?)
    }

    pub(super) async fn lobby_answer(
        &self,
        entry: Entry,
        lobby: Lobby,
        room: OwnedRoomId,
        sender: OwnedUserId,
        body: String,
    ) -> Result<(), WorkError> {
        let id = lobby.id;
        let who = sender.clone();
        let known = self.store.run(move |tx| lobby::user(tx, id, who.as_str())).await?;
        let limit = self.config.flow.lobby_tries;
        let Some(user) = known.filter(|user| !lobby.closed && user.challenged && user.tries < limit) else {
            return self.drop_row(&entry).await;
        };
        let name = self.name_in_lobby(id, &sender).await?;
        let verdict = judge(&body, &lobby.keyword, name.as_deref());
        let passed = verdict.is_ok();
        let is_member = passed && self.is_member(&sender).await?;
        let haiku = Passed {
            user: sender,
            name: name.unwrap_or_default(),
            title: lobby.title.clone(),
            keyword: lobby.keyword.clone(),
            haiku: body,
            room,
            closing: ". see you in the space.".to_owned(),
            host: host(&lobby),
            knocks: false,
            key: key(id),
        };
        let config = self.config.clone();
        self.store
            .run(move |tx| {
                if !queue::done(tx, Queue::Inbox, entry.id)? {
                    return Ok(());
                }
                lobby::set_answered(tx, id, haiku.user.as_str(), !passed)?;
                match verdict {
                    Ok(()) => let_through(tx, &config, id, is_member, haiku),
                    Err(miss) => missed(tx, &config.flow, &lobby, &haiku, (entry.id, user.tries + 1), &miss),
                }
            })
            .await?;
        self.metrics.count("haiku", if passed { "passed" } else { "missed" });
        Ok(())
    }

    pub(super) async fn lobby_timeout(&self, entry: Entry, id: i64) -> Result<(), WorkError> {
        let config = self.config.clone();
        self.store
            .run(move |tx| {
                if let Some(late) = lobby::by_id(tx, id)?.filter(|lobby| !lobby.closed) {
                    fail(tx, &config.flow, &late, "timeout")?;
                }
                queue::done(tx, Queue::Inbox, entry.id)
            })
            .await?;
        Ok(())
    }

    /// At the start: the lobbies whose opening was cut off, so that nobody ever learned of them.
    pub async fn abandon_cut_off_lobbies(&self) -> Result<(), StoreError> {
        self.store
            .run(|tx| {
                for id in lobby::cut_off(tx)? {
                    abandon(tx, id, "cut_off")?;
                }
                Ok(())
            })
            .await
    }
}

/// A haiku has passed.
fn let_through(
    tx: &Transaction<'_>,
    config: &Config,
    id: i64,
    is_member: bool,
    passed: Passed,
) -> Result<(), StoreError> {
    let key = &passed.key;
    queue::cancel(tx, Queue::Inbox, &format!("{key}:timeout"))?;
    if is_member {
        lobby::close(tx, id, "already_member")?;
        return promotion::already_in(tx, config, passed.host, &passed.room, key);
    }
    lobby::close(tx, id, "promoted")?;
    lobby::promote(tx, id, passed.user.as_str())?;
    // The welcome does not wait behind what nobody needs any more.
    for moot in ["ask", "reply"] {
        queue::cancel_untried(tx, &format!("{key}:{moot}:"))?;
    }
    promotion::promote(tx, config, passed)
}

/// An answer, by this row of the inbox and the user's so many tries, has not passed.
fn missed(
    tx: &Transaction<'_>,
    flow: &FlowConfig,
    lobby: &Lobby,
    haiku: &Passed,
    (answer, tries): (i64, u32),
    miss: &Miss,
) -> Result<(), StoreError> {
    let limit = flow.lobby_tries;
    let left = limit.saturating_sub(tries);
    let text = format!(
        "{}: {}",
        words::user(&haiku.user),
        refusal_text(&miss.to_string(), left)
    );
    let reply = format!("{}:reply:{answer}", haiku.key);
    promotion::say(tx, haiku.host, &haiku.room, &reply, text)?;
    match left == 0 && lobby::all_tried(tx, lobby.id, limit)? {
        true => exhausted(tx, flow, lobby),
        false => Ok(()),
    }
}

/// Nobody in it has a try left.
fn exhausted(tx: &Transaction<'_>, flow: &FlowConfig, lobby: &Lobby) -> Result<(), StoreError> {
    queue::cancel(tx, Queue::Inbox, &format!("{}:timeout", key(lobby.id)))?;
    fail(tx, flow, lobby, "tries_exhausted")
}

/// Gives back the use of a lobby that nobody learned of, and leaves its room if there is one.
fn abandon(tx: &Transaction<'_>, id: i64, reason: &str) -> Result<(), StoreError> {
    let Some(lobby) = lobby::by_id(tx, id)? else {
        return Ok(());
    };
    if lobby::close(tx, id, reason)? {
        codes::give_back(tx, &lobby.code)?;
        audit::write(
            tx,
            "lobby_abandoned",
            &json!({ "alias": lobby.alias, "reason": reason }),
        )?;
        if let Some(room) = lobby
            .room_id
            .as_deref()
            .and_then(|room| OwnedRoomId::try_from(room).ok())
        {
            promotion::leave(tx, host(&lobby), &room, &key(id))?;
        }
    }
    Ok(())
}

/// Closes a lobby in which nobody passed.
pub(super) fn fail(tx: &Transaction<'_>, flow: &FlowConfig, lobby: &Lobby, reason: &str) -> Result<(), StoreError> {
    if !lobby::close(tx, lobby.id, reason)? {
        return Ok(());
    }
    let key = key(lobby.id);
    queue::cancel_untried(tx, &format!("{key}:ask:"))?;
    audit::write(tx, "lobby_failed", &json!({ "alias": lobby.alias, "reason": reason }))?;
    let users = lobby::challenged_users(tx, lobby.id)?;
    let users: Vec<String> = users.iter().map(words::user).collect();
    if let Some(room) = lobby.room_id.as_deref().filter(|_| !users.is_empty()) {
        let note = format!(
            "⚠️ lobby failed for {} (reason={reason}, code={})",
            words::first_of(&users, ONE_BY_ONE),
            lobby.code
        );
        promotion::announce(tx, &flow.notify_room, &news(room, "failed"), note, Some(lobby.created))?;
    }
    if let Some(room) = lobby
        .room_id
        .as_deref()
        .and_then(|room| OwnedRoomId::try_from(room).ok())
    {
        promotion::leave(tx, host(lobby), &room, &key)?;
    }
    Ok(())
}
