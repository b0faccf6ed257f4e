//! The effects.

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};

use crate::{
    config::Role,
    storage::{
        StoreError,
        queue::{self, Queue},
    },
};

/// One effect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// A room of the bot's own.
    CreateRoom {
        /// What it is for.
        purpose: Purpose,
    },
    /// A text.
    Message {
        /// Where.
        room: OwnedRoomId,
        /// What.
        body: String,
        /// Whether the room is one the bot made in the clear; otherwise the client decides by the room.
        plain: bool,
        /// Of news about something that began at this time (Unix milliseconds) and may have been told before by a database
        /// that is lost: the room is looked at before it is said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        since: Option<i64>,
    },
    /// An invite.
    Invite {
        /// Where to.
        room: OwnedRoomId,
        /// Whom.
        user: OwnedUserId,
    },
    /// Leaving a room.
    Leave {
        /// Which.
        room: OwnedRoomId,
    },
}

impl Effect {
    /// Whether it happens in a room that one of the identities made.
    pub(super) const fn is_in_own_room(&self) -> bool {
        matches!(self, Self::Message { plain: true, .. } | Self::Leave { .. })
    }
}

/// What a room is made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "for", rename_all = "snake_case")]
pub enum Purpose {
    /// The vetting with this number.
    Vetting {
        /// Its number.
        id: i64,
        /// The knocker.
        user: OwnedUserId,
    },
    /// The lobby with this number.
    Lobby {
        /// Its number.
        id: i64,
        /// The local part of its alias.
        alias: String,
    },
}

/// What became of a room that was to be made. Put into the inbox, under the room's lane, when it is settled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What it was for.
    pub purpose: Purpose,
    /// The room, or why there is none.
    pub room: Result<OwnedRoomId, String>,
}

/// An effect and who does it: what the outbox holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outgoing {
    pub(super) role: Role,
    #[serde(flatten)]
    pub(super) effect: Effect,
}

/// Puts an effect into the outbox unless one with this key was ever put there; answers whether it did. The effects of a
/// lane are done in order.
pub fn put(tx: &Transaction<'_>, role: Role, lane: &str, key: &str, effect: Effect) -> Result<bool, StoreError> {
    queue::put(tx, Queue::Outbox, key, lane, &Outgoing { role, effect }, 0)
}
