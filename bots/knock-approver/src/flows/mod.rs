//! What happens to those who knock, join, command and sign up.
//!
//! [`Flows`] works on the inbox: each row is one step, and a step's outcome (rows of a flow, effects in the outbox,
//! later steps in the inbox) is kept in one transaction, so that a step happens wholly or not at all.

mod asking;
#[cfg(test)]
mod bench;
mod commands;
mod ended;
#[cfg(test)]
mod flood_tests;
mod lobby;
#[cfg(test)]
mod lobby_tests;
mod newcomer;
#[cfg(test)]
mod order_tests;
mod promotion;
#[cfg(test)]
mod refused_tests;
#[cfg(test)]
mod standing_tests;
#[cfg(test)]
mod tests;
mod undecrypted;
mod vetting;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use tokio::{sync::oneshot, time::Instant};

pub(crate) use asking::{announce_started, news};
pub use lobby::{OpenError, Opened};

use crate::{
    challenge::Source,
    config::{Config, Role},
    health::Board,
    intake,
    lanes::{Failing, WorkError, Worker},
    matrix::{Homeserver, Membership},
    metrics::Metrics,
    outcome::Purpose,
    storage::{
        self, Store, StoreError,
        queue::{self, Entry, Queue},
    },
    work::Step,
};

/// Those who wait for a lobby's room, by the lobby's number.
type Waiting = HashMap<i64, oneshot::Sender<Result<OwnedRoomId, String>>>;

/// Works on the inbox.
#[derive(Debug)]
pub struct Flows {
    /// The configuration.
    pub config: Arc<Config>,
    /// The database.
    pub store: Store,
    /// Who acts.
    pub homeserver: Arc<dyn Homeserver>,
    /// Where challenges come from.
    pub source: Source,
    /// What `!health` shows.
    pub board: Board,
    /// Where outcomes are counted.
    pub metrics: Metrics,
    failing: Failing,
    waiting: Mutex<Waiting>,
}

impl Flows {
    /// The flows over these parts.
    pub fn new(
        config: Arc<Config>,
        store: Store,
        homeserver: Arc<dyn Homeserver>,
        source: Source,
        board: Board,
        metrics: Metrics,
    ) -> Self {
        Self {
            config,
            store,
            homeserver,
            source,
            failing: Failing::new(board.clone()),
            board,
            metrics,
            waiting: Mutex::default(),
        }
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Marks a row done that has no effect.
    async fn drop_row(&self, entry: &Entry) -> Result<(), WorkError> {
        let id = entry.id;
        self.store.run(move |tx| queue::done(tx, Queue::Inbox, id)).await?;
        Ok(())
    }
}

#[async_trait]
impl Worker for Flows {
    async fn work(&self, entry: Entry) -> Result<(), WorkError> {
        let (id, began) = (entry.id, Instant::now());
        let step = entry.read::<Step>();
        let matter = step
            .as_ref()
            .map_or((Role::Approver, "reading what was heard"), |step| {
                (step.role(), step.words())
            });
        let result = match step {
            Ok(step) => self.take(entry, step).await,
            Err(error) => Err(error.into()),
        };
        self.failing.tried(id, matter, began, &result);
        result
    }
}

impl Flows {
    async fn take(&self, entry: Entry, step: Step) -> Result<(), WorkError> {
        match step {
            Step::Knock {
                user,
                event,
                reason,
                found,
                sent,
            } => {
                let heard = vetting::Heard {
                    user,
                    event,
                    reason,
                    found,
                    sent,
                };
                self.knock(entry, heard).await
            }
            Step::KnockEnded { user } => self.knock_ended(entry, user).await,
            Step::FindKnocks => self.find_knocks(entry).await,
            Step::LookBack { role, room, whole } => self.look_back(entry, role, room, whole).await,
            Step::Message {
                room,
                event,
                sender,
                body,
                ..
            } => {
                if room == self.config.flow.command_room {
                    return self.command(entry, event, sender, body).await;
                }
                self.answer(entry, room, sender, body).await
            }
            Step::Undecrypted { role, room, event } => self.look_again(entry, role, room, event).await,
            Step::Joined { room, user } => self.joined(entry, room, user).await,
            Step::Newcomer { room, user } => self.newcomer(entry, room, user).await,
            Step::RoomEnded { role, room } => self.room_ended(entry, role, room).await,
            Step::Made(made) => match made.purpose {
                Purpose::Vetting { id, .. } => self.vetting_room(entry, id, made.room).await,
                Purpose::Lobby { id, .. } => self.lobby_room(entry, id, made.room).await,
            },
            Step::Invited(invited) => self.invited(entry, invited).await,
            Step::VettingTimeout { id } => self.vetting_timeout(entry, id).await,
            Step::LobbyTimeout { id } => self.lobby_timeout(entry, id).await,
            Step::LobbyChallenge { id, user, again } => self.lobby_challenge(entry, id, user, again).await,
        }
    }

    async fn find_knocks(&self, entry: Entry) -> Result<(), WorkError> {
        let new = intake::find_knocks(&self.store, &*self.homeserver, &self.config.flow.space, &entry.key).await?;
        if new > 0 {
            tracing::info!(new, "found knocks among the space's members");
        }
        self.drop_row(&entry).await
    }

    /// A gap in the sync of a room: only where somebody is asked is there anything to be found.
    async fn look_back(&self, entry: Entry, role: Role, room: OwnedRoomId, whole: bool) -> Result<(), WorkError> {
        if self.is_asked_in(&room).await? {
            let new = intake::look_back(&self.store, &*self.homeserver, role, &room, whole).await?;
            if new > 0 {
                tracing::info!(new, %room, "found what the sync had left out");
            }
        }
        self.drop_row(&entry).await
    }

    /// Whether somebody is asked in a room.
    async fn is_asked_in(&self, room: &OwnedRoomId) -> Result<bool, StoreError> {
        let id = room.to_string();
        self.store
            .run(move |tx| {
                let vetting = storage::vetting::in_room(tx, &id)?.is_some_and(|vetting| !vetting.closed);
                let lobby = storage::lobby::in_room(tx, &id)?.is_some_and(|lobby| !lobby.closed);
                Ok(vetting || lobby)
            })
            .await
    }

    /// The same, or a room is being made, and this may be it.
    async fn may_be_asked_in(&self, room: &OwnedRoomId) -> Result<bool, StoreError> {
        if self.is_asked_in(room).await? {
            return Ok(true);
        }
        let unmade = self.store.run(|tx| {
            Ok::<_, StoreError>(!storage::lobby::unmade(tx)?.is_empty() || storage::vetting::any_unmade(tx)?)
        });
        unmade.await
    }

    /// What somebody is to the space.
    async fn membership(&self, user: &OwnedUserId) -> Result<Membership, WorkError> {
        let member = self.homeserver.member(Role::Approver, &self.config.flow.space, user);
        Ok(member.await?.membership)
    }

    /// Whether somebody is in the space.
    async fn is_member(&self, user: &OwnedUserId) -> Result<bool, WorkError> {
        Ok(self.membership(user).await? == Membership::Joined)
    }

    /// An answer in a room where somebody is asked.
    async fn answer(
        &self,
        entry: Entry,
        room: OwnedRoomId,
        sender: matrix_sdk::ruma::OwnedUserId,
        body: String,
    ) -> Result<(), WorkError> {
        let id = room.to_string();
        let (vetting, lobby, unmade) = self
            .store
            .run(move |tx| {
                Ok::<_, storage::StoreError>((
                    storage::vetting::in_room(tx, &id)?,
                    storage::lobby::in_room(tx, &id)?,
                    !storage::lobby::unmade(tx)?.is_empty() || storage::vetting::any_unmade(tx)?,
                ))
            })
            .await?;
        match (vetting, lobby) {
            (Some(vetting), _) => self.vetting_answer(entry, vetting, room, sender, body).await,
            (None, Some(lobby)) => self.lobby_answer(entry, lobby, room, sender, body).await,
            // The sync may be faster than the answer to the creation of the room.
            (None, None) if unmade => Err(WorkError::NotYet("a room is being made, and this may be it")),
            (None, None) => self.drop_row(&entry).await,
        }
    }
}
