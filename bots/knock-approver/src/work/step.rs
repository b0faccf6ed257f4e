//! What the flows work on.

use matrix_sdk::ruma::{OwnedEventId, OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::{
    config::Role,
    outcome::{Invited, Made},
};

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
        /// Found standing, not heard: an earlier database may have dealt with it.
        #[serde(default)]
        found: bool,
        /// When the homeserver dates it, Unix milliseconds by the homeserver's clock.
        #[serde(default)]
        sent: i64,
    },
    /// Look for knocks that the sync may have left out.
    FindKnocks,
    /// Somebody who knocked does so no more, and was not let in either.
    KnockEnded {
        /// Who.
        user: OwnedUserId,
    },
    /// Look for what the sync left out of a room.
    LookBack {
        /// Who heard of it.
        role: Role,
        /// Where.
        room: OwnedRoomId,
        /// Whether it is not known what was left out: then only what nobody answered is new.
        #[serde(default)]
        whole: bool,
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
    /// A text that could not be decrypted yet.
    Undecrypted {
        /// Who heard it.
        #[serde(default = "approver")]
        role: Role,
        /// Where.
        room: OwnedRoomId,
        /// Its event id.
        event: OwnedEventId,
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
    /// An identity is not in a room any more that was its own, or the room has been replaced.
    RoomEnded {
        /// Whose.
        role: Role,
        /// Which.
        room: OwnedRoomId,
    },
    /// A room was made, or not.
    Made(Made),
    /// Somebody who passed was invited, or cannot be.
    Invited(Invited),
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

impl Step {
    /// What it is, for people to read.
    pub const fn words(&self) -> &'static str {
        match self {
            Self::Knock { .. } | Self::FindKnocks | Self::KnockEnded { .. } => "looking at knocks",
            Self::LookBack { .. } | Self::Undecrypted { .. } => "looking at what the sync left out",
            Self::Message { .. } => "dealing with what people say",
            Self::Joined { .. } | Self::LobbyChallenge { .. } => "asking people in lobbies",
            Self::Newcomer { .. } => "sharing earlier keys with newcomers",
            Self::RoomEnded { .. } => "ending what went on in rooms",
            Self::Made(_) => "asking in rooms that were made",
            Self::Invited(_) => "welcoming",
            Self::VettingTimeout { .. } | Self::LobbyTimeout { .. } => "ending what took too long",
        }
    }

    /// Whose work it is, as far as it is told.
    pub const fn role(&self) -> Role {
        match self {
            Self::LookBack { role, .. }
            | Self::Message { role, .. }
            | Self::Undecrypted { role, .. }
            | Self::RoomEnded { role, .. } => *role,
            _ => Role::Approver,
        }
    }
}

const fn approver() -> Role {
    Role::Approver
}
