//! Lobbies that the old approver left: rooms that are there, and its files that tell of them.

use crate::community::InCommunity as _;
use std::{
    fs,
    time::{SystemTime, UNIX_EPOCH},
};

use harness::{
    client::{NewRoom, User},
    step::Failure,
    world::World,
};
use serde_json::{Value, json};

/// A lobby as the old approver left it.
#[derive(Clone, Debug, Default)]
pub struct OldLobby {
    /// Its room.
    pub room: String,
    /// Who was challenged in it.
    pub visitor: Option<String>,
    /// What its file says of it besides: `closed`, `closed_reason`, `promoted`.
    pub state: Value,
    /// When it began, in seconds from now; negative.
    pub began: f64,
    /// What the announcements' file says of it, if anything.
    pub announced: Option<Value>,
}

/// Makes a lobby's room as the bot's account, and lets somebody in.
///
/// # Errors
/// When the server refuses.
pub async fn room(world: &World, visitor: Option<&User>) -> Result<String, Failure> {
    let alias = world.new_name("old-lobby");
    let room = NewRoom::preset("public_chat").with("room_alias_name", alias.into());
    let room = world.approver().first.create_room(&room).await?;
    if let Some(visitor) = visitor {
        visitor.join(&room).await?;
    }
    Ok(room)
}

/// Writes `lobby.json` and `operator_announce.json` into the bot's data directory.
///
/// # Errors
/// When they cannot be written.
pub fn write(world: &World, lobbies: &[OldLobby]) -> Result<(), Failure> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let mut file = json!({});
    let mut announced = json!({});
    for lobby in lobbies {
        let created = now.as_secs_f64() + lobby.began;
        let visitors: Vec<&String> = lobby.visitor.iter().collect();
        let each = |value: Value| -> Value {
            let pairs = visitors.iter().map(|visitor| ((*visitor).clone(), value.clone()));
            pairs.collect::<serde_json::Map<_, _>>().into()
        };
        let mut entry = json!({
            "alias": world.new_name("old-lobby"), "code": world.knock_code(), "created": created,
            "title": "Moss garden", "keyword": "garden", "challenged": visitors, "tries": {}, "displaynames": {},
            "challenge_sent_ts": each(json!(created + 5.0)), "challenge_resends": each(json!(1)),
            "promoted": false, "closed": false,
        });
        if let (Some(entry), Some(state)) = (entry.as_object_mut(), lobby.state.as_object()) {
            entry.extend(state.clone());
        }
        file[&lobby.room] = entry;
        if let Some(said) = &lobby.announced {
            announced[&lobby.room] = said.clone();
        }
    }
    let folder = world.bot.data_dir();
    fs::write(folder.join("lobby.json"), file.to_string())?;
    fs::write(folder.join("operator_announce.json"), announced.to_string())?;
    Ok(())
}

/// The room of the old lobby whose visitor's id begins with `@NAME-`, or of the one without a visitor, as the file tells.
///
/// # Errors
/// When there is none.
pub fn find(world: &World, name: Option<&str>) -> Result<String, Failure> {
    let file: Value = serde_json::from_slice(&fs::read(world.bot.data_dir().join("lobby.json"))?)?;
    let wanted = |lobby: &Value| {
        let visitor = lobby["challenged"][0].as_str();
        match name {
            Some(name) => visitor.is_some_and(|visitor| visitor.starts_with(&format!("@{name}-"))),
            None => visitor.is_none(),
        }
    };
    let found = file
        .as_object()
        .and_then(|lobbies| lobbies.iter().find(|(_, lobby)| wanted(lobby)));
    let found = found.ok_or_else(|| Failure::new(format!("no old lobby of {name:?}")))?;
    Ok(found.0.clone())
}
