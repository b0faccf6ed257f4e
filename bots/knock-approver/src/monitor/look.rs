//! What a room is like, as the homeserver says now.

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId, RoomId, UserId};
use serde_json::Value;
use tokio::try_join;

use super::power::Powers;
use crate::{healing::Class, secret::Secret, session::Server};

/// What was seen of a room.
#[derive(Clone, Debug)]
pub(super) enum View {
    /// The bot is in it.
    Inside(Box<Inside>),
    /// It is not.
    Outside(Absence),
    /// It could not be asked, which says nothing about the room.
    Unknown(String),
}

/// A room from within.
#[derive(Clone, Debug)]
pub(super) struct Inside {
    /// Who may do what.
    pub(super) powers: Powers,
    /// `m.room.join_rules`.
    pub(super) join_rules: Value,
    /// The algorithm of `m.room.encryption`; `None` in a room in the clear.
    pub(super) algorithm: Option<String>,
    /// `m.room.tombstone`.
    pub(super) tombstone: Option<Tombstone>,
}

/// A room has moved.
#[derive(Clone, Debug)]
pub(super) struct Tombstone {
    /// Where to.
    pub(super) replacement: Option<OwnedRoomId>,
}

/// Why the bot is not in a room.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Absence {
    /// Nothing is known of it.
    NeverThere,
    /// It left, or was made to leave.
    Left(Departure),
    /// It may not come back.
    Banned(Departure),
    /// It is invited, by somebody on whose word it does not come.
    Invited {
        /// By whom.
        by: OwnedUserId,
        /// Whether the power of that one is known.
        known: bool,
    },
    /// It is invited by somebody on whose word it comes, and that was refused.
    NotLetIn(String),
}

/// Who ended a membership, and with which words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Departure {
    /// Who; `None` where that is not known.
    pub(super) by: Option<OwnedUserId>,
    /// The words.
    pub(super) reason: Option<String>,
}

/// Looks at a room.
pub(super) async fn look(server: &Server, token: &Secret, user: &UserId, room: &RoomId) -> View {
    let member = match state(server, token, room, "m.room.member", user.as_str()).await {
        Ok(member) => member.unwrap_or_default(),
        Err(Class::Other { status: 403, .. }) => return View::Outside(Absence::NeverThere),
        Err(class) => return View::Unknown(crate::session::describe(&class)),
    };
    let departure = || Departure {
        by: None,
        reason: member["reason"].as_str().map(str::to_owned),
    };
    match member["membership"].as_str() {
        Some("join") => {}
        Some("ban") => return View::Outside(Absence::Banned(departure())),
        Some("leave") => return View::Outside(Absence::Left(departure())),
        _ => return View::Outside(Absence::NeverThere),
    }
    match inside(server, token, room).await {
        Ok(inside) => View::Inside(Box::new(inside)),
        Err(class) => View::Unknown(crate::session::describe(&class)),
    }
}

async fn inside(server: &Server, token: &Secret, room: &RoomId) -> Result<Inside, Class> {
    let (powers, join_rules, encryption, tombstone) = try_join!(
        Powers::read(server, token, room),
        state(server, token, room, "m.room.join_rules", ""),
        state(server, token, room, "m.room.encryption", ""),
        state(server, token, room, "m.room.tombstone", ""),
    )?;
    let tombstone = tombstone.map(|content| {
        let replacement = content["replacement_room"].as_str();
        Tombstone {
            replacement: replacement.and_then(|room| RoomId::parse(room).ok()),
        }
    });
    Ok(Inside {
        powers,
        join_rules: join_rules.unwrap_or_default(),
        algorithm: encryption.map(|content| content["algorithm"].as_str().unwrap_or_default().to_owned()),
        tombstone,
    })
}

/// The content of a state event; `None` where there is none.
pub(super) async fn state(
    server: &Server,
    token: &Secret,
    room: &RoomId,
    kind: &str,
    key: &str,
) -> Result<Option<Value>, Class> {
    match server.get(token, &["rooms", room.as_str(), "state", kind, key]).await {
        Class::Done(content) => Ok(Some(content)),
        Class::Other { status: 404, .. } => Ok(None),
        class => Err(class),
    }
}
