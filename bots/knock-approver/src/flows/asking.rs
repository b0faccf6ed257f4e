//! Who is asked in a lobby, and what the operators are told of it: one by one, and in a crowd together.

use matrix_sdk::ruma::{OwnedRoomId, OwnedUserId};
use rusqlite::Transaction;

use super::{
    lobby::{host, in_ms, key},
    promotion,
};
use crate::{
    challenge::Challenge,
    config::FlowConfig,
    storage::{
        StoreError,
        lobby::{self, Lobby},
        queue::{self, Queue},
    },
    words,
    work::Step,
};

/// So many people are asked one by one in a lobby, and are named in one note.
pub(super) const ONE_BY_ONE: usize = 8;

/// Somebody is new in a lobby, by this arrival, and is asked at `due`. In a crowd, all who come later are asked together.
pub(super) fn arrived(
    tx: &Transaction<'_>,
    lobby: &Lobby,
    room: &OwnedRoomId,
    user: OwnedUserId,
    (arrival, due): (i64, i64),
) -> Result<(), StoreError> {
    let beyond = lobby::arrivals(tx, lobby.id)?.saturating_sub(ONE_BY_ONE);
    if beyond > 0 {
        lobby::set_challenged(tx, lobby.id, user.as_str(), false)?;
        // It is repeated each time that the crowd is four times as large, so that it is never far up, and never a flood.
        let is_told = beyond.is_power_of_two() && beyond.trailing_zeros() % 2 == 0;
        if !is_told {
            return Ok(());
        }
    }
    let key = format!("{}:challenge:{user}:{arrival}", key(lobby.id));
    let step = Step::LobbyChallenge {
        id: lobby.id,
        user,
        again: false,
    };
    queue::put(tx, Queue::Inbox, &key, room.as_str(), &step, due)?;
    Ok(())
}

/// Posts the challenge to a user, tells the operators the first time, and plans the second.
pub(super) fn challenge(
    tx: &Transaction<'_>,
    flow: &FlowConfig,
    lobby: &Lobby,
    user: &OwnedUserId,
    name: Option<&str>,
    again: bool,
) -> Result<(), StoreError> {
    let Some(room) = lobby
        .room_id
        .as_deref()
        .and_then(|room| OwnedRoomId::try_from(room).ok())
    else {
        return Ok(());
    };
    let asked = Challenge {
        title: lobby.title.clone(),
        keyword: lobby.keyword.clone(),
    };
    let state = lobby::user(tx, lobby.id, user.as_str())?.unwrap_or_default();
    if !again && state.challenged {
        return match lobby::arrivals(tx, lobby.id)? > ONE_BY_ONE {
            true => challenge_crowd(tx, flow, lobby, &room, user, &asked),
            false => Ok(()),
        };
    }
    if again && (state.answered || state.resends > 0) {
        return Ok(());
    }
    let called = name.map_or_else(|| words::user(user), words::name);
    let greeting = format!("hi {called}! to join {},", flow.community);
    let times = if again { "again" } else { "first" };
    let say = format!("{}:ask:{user}:{times}", key(lobby.id));
    promotion::say(tx, host(lobby), &room, &say, asked.message(&greeting, flow.lobby_tries))?;
    lobby::set_challenged(tx, lobby.id, user.as_str(), again)?;
    if !again {
        let who = (user.as_str(), name);
        announce_started(tx, flow, room.as_str(), who, &lobby.code, lobby.created)?;
        let step = Step::LobbyChallenge {
            id: lobby.id,
            user: user.clone(),
            again: true,
        };
        let resend = format!("{}:resend:{user}", key(lobby.id));
        queue::put(
            tx,
            Queue::Inbox,
            &resend,
            room.as_str(),
            &step,
            in_ms(flow.resend_after),
        )?;
    }
    Ok(())
}

/// Posts the challenge to everybody who comes from now on, and tells the operators once that they do.
fn challenge_crowd(
    tx: &Transaction<'_>,
    flow: &FlowConfig,
    lobby: &Lobby,
    room: &OwnedRoomId,
    first: &OwnedUserId,
    asked: &Challenge,
) -> Result<(), StoreError> {
    let greeting = format!("hi everybody! to join {},", flow.community);
    let say = format!("{}:ask:{first}:crowd", key(lobby.id));
    promotion::say(tx, host(lobby), room, &say, asked.message(&greeting, flow.lobby_tries))?;
    let note = format!(
        "🚪 more than {ONE_BY_ONE} people started lobby flow (code={}); those who come now are not told one by one",
        lobby.code
    );
    promotion::announce(
        tx,
        &flow.notify_room,
        &news(room.as_str(), "crowd"),
        note,
        Some(lobby.created),
    )
}

/// The key of news about the lobby in a room. It does not hold the lobby's number, which is another one in another database.
pub(crate) fn news(room: &str, what: &str) -> String {
    format!("lobby:{room}:{what}")
}

/// Tells the operators, once ever, that somebody (id, name) began in the lobby of a room.
pub(crate) fn announce_started(
    tx: &Transaction<'_>,
    flow: &FlowConfig,
    room: &str,
    (user, name): (&str, Option<&str>),
    code: &str,
    created: i64,
) -> Result<(), StoreError> {
    let id = words::user(user);
    let who = name.map_or_else(|| id.clone(), |name| format!("{} ({id})", words::name(name)));
    let note = format!("🚪 {who} started lobby flow (code={code})");
    let key = news(room, &format!("started:{user}"));
    promotion::announce(tx, &flow.notify_room, &key, note, Some(created))
}
