//! Rooms of the bot's own that ended under its feet: it was removed, or the room was replaced.

use matrix_sdk::ruma::OwnedRoomId;

use super::{Flows, lobby, vetting};
use crate::{
    config::Role,
    lanes::WorkError,
    matrix::{Failure, Membership},
    storage::{
        self, StoreError,
        queue::{self, Entry, Queue},
    },
};

/// Why such a flow ended.
const GONE: &str = "bot_removed";

impl Flows {
    /// An identity may not be in a room any more: what was going on there ends, unless the other identity is in it.
    pub(super) async fn room_ended(&self, entry: Entry, role: Role, room: OwnedRoomId) -> Result<(), WorkError> {
        if !self.is_asked_in(&room).await? {
            return self.drop_row(&entry).await;
        }
        let others = self.homeserver.other(role);
        for role in std::iter::once(role).chain(others) {
            if self.is_in(role, &room).await? {
                return self.drop_row(&entry).await;
            }
        }
        let config = self.config.clone();
        self.store
            .run(move |tx| {
                if let Some(open) = storage::vetting::in_room(tx, room.as_str())?.filter(|open| !open.closed) {
                    vetting::end(tx, &open, GONE)?;
                }
                if let Some(open) = storage::lobby::in_room(tx, room.as_str())?.filter(|open| !open.closed) {
                    queue::cancel_lane(tx, Queue::Outbox, room.as_str())?;
                    lobby::fail(tx, &config.flow, &open, GONE)?;
                }
                queue::done(tx, Queue::Inbox, entry.id)?;
                Ok::<_, StoreError>(())
            })
            .await?;
        Ok(())
    }

    /// Whether an identity is in a room that goes on.
    async fn is_in(&self, role: Role, room: &OwnedRoomId) -> Result<bool, WorkError> {
        let Some(actor) = self.homeserver.actor_now(role) else {
            return Err(WorkError::NotYet("the identity that may be in the room does not serve"));
        };
        match self.homeserver.member(role, room, &actor.user).await {
            Ok(member) => Ok(member.membership == Membership::Joined && !self.is_replaced(role, room).await?),
            Err(Failure::Refused(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    async fn is_replaced(&self, role: Role, room: &OwnedRoomId) -> Result<bool, WorkError> {
        match self.homeserver.is_replaced(role, room).await {
            Ok(replaced) => Ok(replaced),
            Err(Failure::Refused(_)) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
