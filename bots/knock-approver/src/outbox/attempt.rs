//! One attempt at an effect.

use std::collections::{BTreeSet, HashSet};

use matrix_sdk::ruma::{
    OwnedEventId, OwnedRoomId, OwnedUserId, RoomVersionId,
    api::client::room::{Visibility, create_room},
    events::AnyInitialStateEvent,
    serde::Raw,
};
use serde_json::{json, value::to_raw_value};
use sha2::{Digest, Sha256};

use super::{
    hold::{self, Hold, Need},
    sender::Sender,
};
use crate::{
    config::Role,
    matrix::{Actor, Failure, Letter, MARKER, Membership, Refusal, Sought},
    outcome::{Purpose, WITHDRAWN},
    storage::{
        StoreError, lobby, now_ms,
        queue::{self, Entry, Queue},
    },
    words,
    work::Effect,
};

/// What became of an effect.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Done,
    /// A message was sent and became this event.
    Sent(OwnedEventId),
    Room(OwnedRoomId),
    /// It is not wanted any more.
    Moot(&'static str),
    Refused(Refusal),
    /// It waits for somebody else.
    Held(Hold),
}

impl Sender {
    /// One attempt as this role.
    pub(super) async fn attempt(&self, role: Role, entry: &Entry, effect: &Effect) -> Result<Outcome, Failure> {
        let actor = self.homeserver.actor(role).await;
        if let Effect::CreateRoom {
            purpose,
            known_as,
            look,
        } = effect
        {
            let marker = known_as.as_deref().unwrap_or(&entry.transaction);
            let look = *look || entry.tried.is_some() || self.is_inherited(entry);
            return self.make_room(role, &actor, entry, purpose, (marker, look)).await;
        }
        if let Some(outcome) = self.settled_already(role, &actor, entry, effect).await? {
            return Ok(outcome);
        }
        self.trying(entry, &actor).await?;
        match effect {
            Effect::CreateRoom { .. } => Ok(Outcome::Done),
            Effect::Message { room, body, plain, .. } => {
                let content = json!({
                    "msgtype": "m.text", "body": words::bounded(body), "m.mentions": {}, MARKER: marker(entry, effect),
                });
                let letter = Letter {
                    room: room.clone(),
                    transaction: entry.transaction.clone(),
                    content,
                    own_room: *plain,
                };
                let sent = self.homeserver.send(role, &actor.device, &letter).await?;
                Ok(Outcome::Sent(sent))
            }
            Effect::Invite { room, user, .. } => {
                self.homeserver.invite(role, room, user).await?;
                Ok(Outcome::Done)
            }
            Effect::Leave { room } => {
                self.homeserver.leave(role, room).await?;
                Ok(Outcome::Done)
            }
            Effect::Answered { knock } => {
                self.answered(knock).await?;
                Ok(Outcome::Done)
            }
        }
    }

    /// Has the homeserver keep that a knock was answered, for as long as it stands. Those that stand no more are dropped.
    async fn answered(&self, knock: &str) -> Result<(), Failure> {
        let space = &self.config.flow.space;
        let before = self.homeserver.answered_knocks(space).await?;
        let standing = self
            .homeserver
            .knocks(space)
            .await?
            .into_iter()
            .map(|knock| knock.event);
        let after: BTreeSet<String> = standing
            .filter(|event| event == knock || before.contains(event))
            .collect();
        match after == before {
            true => Ok(()),
            false => self.homeserver.keep_answered_knocks(space, &after).await,
        }
    }

    /// What is made of a refusal.
    pub(super) async fn judged(
        &self,
        role: Role,
        entry: &Entry,
        effect: &Effect,
        no: Refusal,
    ) -> Result<Outcome, Failure> {
        let user = self.homeserver.actor(role).await.user;
        let age = now_ms().saturating_sub(entry.created);
        if let Effect::CreateRoom {
            purpose: Purpose::Lobby { .. },
            ..
        } = effect
        {
            // Somebody waits for the answer, and nobody will once it is given.
            return Ok(Outcome::Refused(no));
        }
        if let Some(blocker) = no.of_account() {
            return Ok(Outcome::Held(hold::of_account(role, &user, blocker)));
        }
        Ok(match effect {
            Effect::CreateRoom {
                purpose: Purpose::Vetting { user, .. },
                ..
            } if no.is_of_room() => Outcome::Held(hold::of_creation(role, user, &no, age)),
            Effect::Invite { room, user: guest, .. } if no.is_of_room() => {
                match self.homeserver.member(role, room, guest).await {
                    Ok(guest) if matches!(guest.membership, Membership::Joined | Membership::Invited) => Outcome::Done,
                    Ok(guest) if guest.membership == Membership::Banned => Outcome::Refused(no),
                    Ok(_) | Err(Failure::Refused(_)) => self.barred(role, room, &user, Need::Invite, no, age).await?,
                    Err(error) => return Err(error),
                }
            }
            Effect::Message { room, plain: false, .. } if no.is_of_room() => {
                self.barred(role, room, &user, Need::Speak, no, age).await?
            }
            // It goes for as long as the bot is in the room, whatever comes in between.
            Effect::Message { room, .. } | Effect::Leave { room } if no.is_of_room() => {
                match self.is_out_of(role, room).await? {
                    true => Outcome::Refused(no),
                    false => Outcome::Held(hold::of_riddle(room, &user, &no, age)),
                }
            }
            _ => Outcome::Refused(no),
        })
    }

    /// Whether neither identity is in a room, as far as the homeserver says.
    async fn is_out_of(&self, role: Role, room: &OwnedRoomId) -> Result<bool, Failure> {
        for role in std::iter::once(role).chain(self.homeserver.other(role)) {
            match self.homeserver.is_in(role, room).await {
                Ok(false) => {}
                // Who is told nothing at all is not told to be out.
                Ok(true) | Err(Failure::Refused(_)) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// What bars the way into a room of the community.
    async fn barred(
        &self,
        role: Role,
        room: &OwnedRoomId,
        user: &OwnedUserId,
        need: Need,
        no: Refusal,
        age: i64,
    ) -> Result<Outcome, Failure> {
        let standing = self.homeserver.standing(role, room).await?;
        Ok(match hold::of_room(room, user, need, &standing) {
            Some(hold) => Outcome::Held(hold),
            // The room is known, so it is the target that is not.
            None if no.is_unknown() && need == Need::Invite => Outcome::Refused(no),
            None => Outcome::Held(hold::of_riddle(room, user, &no, age)),
        })
    }

    /// A room that the client does not know: it may come with the next sync, or the identity is not in it.
    pub(super) async fn unknown_room(&self, role: Role, effect: &Effect) -> Result<Option<Outcome>, Failure> {
        let Effect::Message { room, plain, .. } = effect else {
            return Ok(None);
        };
        if *plain {
            let is_out = self.is_out_of(role, room).await?;
            return Ok(is_out.then_some(Outcome::Moot("the bot is not in the room")));
        }
        let user = self.homeserver.actor(role).await.user;
        let standing = self.homeserver.standing(role, room).await?;
        Ok(hold::of_room(room, &user, Need::Speak, &standing).map(Outcome::Held))
    }

    /// Makes a room, unless it is there already or nobody needs it any more. One for a knocker counts as made when the
    /// invite stands: homeservers answer 200 although the invite failed, or 403 although the room is there.
    async fn make_room(
        &self,
        role: Role,
        actor: &Actor,
        entry: &Entry,
        purpose: &Purpose,
        (marker, look): (&str, bool),
    ) -> Result<Outcome, Failure> {
        if look && let Some(room) = self.marked_room(role, marker).await? {
            return self.with_guest(role, room, purpose).await;
        }
        if let Some(moot) = self.moot(role, purpose).await? {
            return Ok(Outcome::Moot(moot));
        }
        self.trying(entry, actor).await?;
        let room = match self.homeserver.create_room(role, self.request(purpose), marker).await {
            Err(Failure::Refused(no)) => match self.marked_room(role, marker).await? {
                Some(room) => room,
                None => return Err(no.into()),
            },
            made => made?,
        };
        self.with_guest(role, room, purpose).await
    }

    async fn marked_room(&self, role: Role, marker: &str) -> Result<Option<OwnedRoomId>, Failure> {
        let known: HashSet<String> = self.store.run(queue::known_rooms).await?;
        self.homeserver.find_marked_room(role, marker, &known).await
    }

    /// Why a room is not needed any more.
    async fn moot(&self, role: Role, purpose: &Purpose) -> Result<Option<&'static str>, Failure> {
        match purpose {
            Purpose::Vetting { user, .. } => {
                let knocker = self.homeserver.member(role, &self.config.flow.space, user).await?;
                Ok((knocker.membership != Membership::Knocking).then_some(WITHDRAWN))
            }
            Purpose::Lobby { id, .. } => {
                let id = *id;
                let lobby = self.store.run(move |tx| lobby::by_id(tx, id)).await?;
                Ok(lobby.is_none_or(|lobby| lobby.closed).then_some(WITHDRAWN))
            }
        }
    }

    /// Sees to it that the knocker is invited, or leaves the room.
    async fn with_guest(&self, role: Role, room: OwnedRoomId, purpose: &Purpose) -> Result<Outcome, Failure> {
        let Purpose::Vetting { user, .. } = purpose else {
            return Ok(Outcome::Room(room));
        };
        let guest = self.homeserver.member(role, &room, user).await?;
        if matches!(guest.membership, Membership::Joined | Membership::Invited) {
            return Ok(Outcome::Room(room));
        }
        match self.homeserver.invite(role, &room, user).await {
            Ok(()) => Ok(Outcome::Room(room)),
            Err(Failure::Refused(no)) => {
                tracing::warn!(%room, %user, %no, "a room without its guest is left");
                self.homeserver.leave(role, &room).await?;
                Err(no.into())
            }
            Err(error) => Err(error),
        }
    }

    /// What an earlier attempt, or somebody else, achieved already, or made needless.
    async fn settled_already(
        &self,
        role: Role,
        actor: &Actor,
        entry: &Entry,
        effect: &Effect,
    ) -> Result<Option<Outcome>, Failure> {
        let tried = entry.tried.as_deref();
        let is_done = match effect {
            Effect::Message { room, since, .. }
                if since.is_some() || tried.is_some_and(|device| device != actor.device.as_str()) =>
            {
                let others = self.store.run(queue::sent_events).await?;
                let sought = Sought {
                    marker: &marker(entry, effect),
                    age: now_ms().saturating_sub(since.unwrap_or(entry.created)),
                    others: &others,
                };
                self.homeserver.said(role, room, sought).await?
            }
            Effect::Invite { room, user, passed } => match self.homeserver.member(role, room, user).await {
                Ok(guest) => match guest.membership {
                    Membership::Joined | Membership::Invited => true,
                    Membership::Out | Membership::Banned if passed.as_ref().is_some_and(|passed| passed.knocks) => {
                        return Ok(Some(Outcome::Moot(WITHDRAWN)));
                    }
                    _ => false,
                },
                // Who may not look may still invite; the invite is answered for itself.
                Err(Failure::Refused(_)) => false,
                Err(error) => return Err(error),
            },
            _ => false,
        };
        Ok(is_done.then_some(Outcome::Done))
    }

    async fn trying(&self, entry: &Entry, actor: &Actor) -> Result<(), StoreError> {
        let (id, device) = (entry.id, actor.device.to_string());
        self.store
            .run(move |tx| queue::trying(tx, Queue::Outbox, id, &device))
            .await
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
}

/// What a message is known by in its room. That of news is the same in every database, so that what a lost one said is
/// known again.
fn marker(entry: &Entry, effect: &Effect) -> String {
    match effect {
        Effect::Message { since: Some(_), .. } => {
            let digest = Sha256::digest(entry.key.as_bytes());
            let short: String = digest.iter().take(12).map(|byte| format!("{byte:02x}")).collect();
            format!("news.{short}")
        }
        _ => entry.transaction.clone(),
    }
}
