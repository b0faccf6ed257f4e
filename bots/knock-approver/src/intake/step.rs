//! What the flows work on.

use matrix_sdk::ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{config::Role, outbox::Made};

/// One row of the inbox.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Somebody knocks on the space.
    Knock {
        /// Who.
        user: OwnedUserId,
        /// The knock's event id.
        event: String,
        /// The knock's reason: a code, hopefully.
        reason: String,
    },
    /// Look for knocks that the sync may have left out.
    FindKnocks,
    /// Look for what the sync left out of a room.
    LookBack {
        /// Who heard of it.
        role: Role,
        /// Where.
        room: OwnedRoomId,
    },
    /// A text in a room.
    Message {
        /// Who heard it.
        role: Role,
        /// Where.
        room: OwnedRoomId,
        /// Its event id.
        event: OwnedEventId,
        /// Whose.
        sender: OwnedUserId,
        /// The text.
        body: String,
    },
    /// A text in the command room that could not be decrypted yet.
    Undecrypted {
        /// Where.
        room: OwnedRoomId,
        /// Its event id.
        event: OwnedEventId,
        /// How often it was looked at again.
        looks: u32,
    },
    /// Somebody joined a room.
    Joined {
        /// Where.
        room: OwnedRoomId,
        /// Who.
        user: OwnedUserId,
    },
    /// Somebody joined a room of the community.
    Newcomer {
        /// Where.
        room: OwnedRoomId,
        /// Who.
        user: OwnedUserId,
    },
    /// A room was made, or not.
    Made(Made),
    /// A vetting's time is up.
    VettingTimeout {
        /// Its number.
        id: i64,
    },
    /// A lobby's time is up.
    LobbyTimeout {
        /// Its number.
        id: i64,
    },
    /// A user of a lobby is to be challenged, or once more.
    LobbyChallenge {
        /// Its number.
        id: i64,
        /// Who.
        user: OwnedUserId,
        /// Whether it is the second time.
        again: bool,
    },
}
