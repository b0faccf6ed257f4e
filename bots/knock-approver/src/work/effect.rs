//! The effects.

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use rusqlite::Transaction;
use serde::{Deserialize, Serialize};

use crate::{
    config::Role,
    outcome::{Passed, Purpose},
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
        /// What the homeserver knows it by, where that is the same in every database.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        known_as: Option<String>,
        /// Whether a database that is lost may have had it made: it is looked for first.
        #[serde(default)]
        look: bool,
    },
    /// A text.
    Message {
        /// Where.
        room: OwnedRoomId,
        /// What.
        body: String,
        /// Whether the room is one of the bot's own, which the client need not know yet.
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
        /// Who is welcomed when it stands.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        passed: Option<Box<Passed>>,
    },
    /// Leaving a room.
    Leave {
        /// Which.
        room: OwnedRoomId,
    },
    /// Keeping with the homeserver that a knock was answered, for the day on which the database is lost while it still stands.
    Answered {
        /// The knock's event.
        knock: String,
    },
}

impl Effect {
    /// Whether it happens in a room that one of the identities made.
    pub const fn is_in_own_room(&self) -> bool {
        matches!(self, Self::Message { plain: true, .. } | Self::Leave { .. })
    }

    /// Who does what, for people to read.
    pub const fn words(&self) -> &'static str {
        match self {
            Self::CreateRoom { .. } => "the creation of rooms",
            Self::Message { .. } => "messages",
            Self::Invite { .. } => "invites",
            Self::Leave { .. } => "leaving rooms",
            Self::Answered { .. } => "keeping which knocks were answered",
        }
    }

    /// The word for counters and the audit.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::CreateRoom { .. } => "rooms_created",
            Self::Message { .. } => "messages",
            Self::Invite { .. } => "invites",
            Self::Leave { .. } => "leaves",
            Self::Answered { .. } => "answered_knocks",
        }
    }
}

/// An effect and who does it: what the outbox holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// Who does it.
    pub role: Role,
    /// What.
    #[serde(flatten)]
    pub effect: Effect,
}

/// Puts an effect into the outbox unless one with this key was ever put there; answers whether it did. The effects of a
/// lane are done in order.
pub fn put(tx: &Transaction<'_>, role: Role, lane: &str, key: &str, effect: Effect) -> Result<bool, StoreError> {
    queue::put(tx, Queue::Outbox, key, lane, &Outgoing { role, effect }, 0)
}
