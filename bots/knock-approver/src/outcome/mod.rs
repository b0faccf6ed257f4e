//! What effects are for, and what came of them: the outbox settles, the flows go on from here.

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use serde::{Deserialize, Serialize};

use crate::config::Role;

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

/// What became of a room that was to be made. A room counts as made when the invite to it stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What it was for.
    pub purpose: Purpose,
    /// The room, or why there is none.
    pub room: Result<OwnedRoomId, String>,
}

/// Why there is no room, and no invite, for somebody who does not knock any more.
pub const WITHDRAWN: &str = "withdrawn";

/// Somebody who passed, to be welcomed when the invite stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passed {
    /// Who.
    pub user: OwnedUserId,
    /// What they are called.
    pub name: String,
    /// The challenge's title.
    pub title: String,
    /// The word that was asked for.
    pub keyword: String,
    /// What they wrote.
    pub haiku: String,
    /// Where they passed.
    pub room: OwnedRoomId,
    /// What is said after "invited you": each flow says it a little differently.
    pub closing: String,
    /// Who speaks in that room.
    pub host: Role,
    /// Whether they knock on the space until the invite: whoever knocks no more is not invited.
    #[serde(default)]
    pub knocks: bool,
    /// What makes the promotion unique in this database.
    pub key: String,
}

/// What became of the invite of somebody who passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invited {
    /// Who.
    pub passed: Passed,
    /// Why not, where the homeserver refused for good.
    pub refused: Option<String>,
}
