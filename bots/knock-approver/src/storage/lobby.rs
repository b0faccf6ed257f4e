//! Public rooms in which whoever joins is asked.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{StoreError, now_ms};

/// One lobby.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lobby {
    /// Its number.
    pub id: i64,
    /// The name of the identity that made it.
    pub role: String,
    /// The room, once made.
    pub room_id: Option<String>,
    /// The local part of its alias.
    pub alias: String,
    /// The code it was made with.
    pub code: String,
    /// The challenge's title; empty while it is being fetched, as is the keyword.
    pub title: String,
    /// The word that the haiku must have.
    pub keyword: String,
    /// When it began, Unix milliseconds.
    pub created: i64,
    /// Whether it ended.
    pub closed: bool,
}

/// One user of a lobby.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LobbyUser {
    /// How many haiku this user tried.
    pub tries: u32,
    /// Whether the challenge was posted to this user.
    pub challenged: bool,
    /// How often it was posted again.
    pub resends: u32,
    /// Whether this user ever answered.
    pub answered: bool,
}

/// Begins one.
pub fn begin(tx: &Transaction<'_>, role: &str, alias: &str, code: &str) -> Result<i64, StoreError> {
    tx.execute(
        "INSERT INTO lobby (role, alias, code, created) VALUES (?, ?, ?, ?)",
        params![role, alias, code, now_ms()],
    )?;
    Ok(tx.last_insert_rowid())
}

/// The one with this number.
pub fn by_id(tx: &Transaction<'_>, id: i64) -> Result<Option<Lobby>, StoreError> {
    one(tx, "id = ?", id)
}

/// The one in a room.
pub fn in_room(tx: &Transaction<'_>, room: &str) -> Result<Option<Lobby>, StoreError> {
    one(tx, "room_id = ?", room)
}

/// The numbers of those that have no room yet.
pub fn unmade(tx: &Transaction<'_>) -> Result<Vec<i64>, StoreError> {
    let mut query = tx.prepare("SELECT id FROM lobby WHERE room_id IS NULL AND closed IS NULL")?;
    let ids = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(ids)
}

/// The numbers of those whose opening did not end: without a room, or without a challenge.
pub fn cut_off(tx: &Transaction<'_>) -> Result<Vec<i64>, StoreError> {
    let mut query = tx.prepare("SELECT id FROM lobby WHERE closed IS NULL AND (room_id IS NULL OR keyword = '')")?;
    let ids = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(ids)
}

/// Writes down its challenge.
pub fn set_challenge(tx: &Transaction<'_>, id: i64, title: &str, keyword: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE lobby SET title = ?, keyword = ? WHERE id = ?",
        params![title, keyword, id],
    )?;
    Ok(())
}

/// Writes down which room it has.
pub fn set_room(tx: &Transaction<'_>, id: i64, room: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE lobby SET room_id = ? WHERE id = ?", params![room, id])?;
    Ok(())
}

/// Ends it with a reason; answers whether it was open.
pub fn close(tx: &Transaction<'_>, id: i64, reason: &str) -> Result<bool, StoreError> {
    let closed = tx.execute(
        "UPDATE lobby SET closed = ?, closed_reason = ? WHERE id = ? AND closed IS NULL",
        params![now_ms(), reason, id],
    )?;
    Ok(closed == 1)
}

/// Writes down who passed.
pub fn promote(tx: &Transaction<'_>, id: i64, mxid: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE lobby SET promoted = ?, promoted_user = ? WHERE id = ?",
        params![now_ms(), mxid, id],
    )?;
    Ok(())
}

/// Writes down a user who joined; answers whether this user is new here.
pub fn arrive(tx: &Transaction<'_>, id: i64, mxid: &str) -> Result<bool, StoreError> {
    let new = tx.execute(
        "INSERT OR IGNORE INTO lobby_user (lobby, mxid) VALUES (?, ?)",
        params![id, mxid],
    )?;
    Ok(new == 1)
}

/// Forgets a user who has left again before being asked: if they come back, they are new.
pub fn depart(tx: &Transaction<'_>, id: i64, mxid: &str) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM lobby_user WHERE lobby = ? AND mxid = ? AND challenged IS NULL",
        params![id, mxid],
    )?;
    Ok(())
}

/// How many have joined.
pub fn arrivals(tx: &Transaction<'_>, id: i64) -> Result<usize, StoreError> {
    Ok(
        tx.query_row("SELECT count(*) FROM lobby_user WHERE lobby = ?", [id], |row| {
            row.get(0)
        })?,
    )
}

/// Whether everybody who joined has tried so often.
pub fn all_tried(tx: &Transaction<'_>, id: i64, times: u32) -> Result<bool, StoreError> {
    let sql = "SELECT NOT EXISTS (SELECT 1 FROM lobby_user WHERE lobby = ? AND tries < ?)";
    Ok(tx.query_row(sql, params![id, times], |row| row.get(0))?)
}

/// A user of a lobby.
pub fn user(tx: &Transaction<'_>, id: i64, mxid: &str) -> Result<Option<LobbyUser>, StoreError> {
    let user = tx
        .query_row(
            "SELECT tries, challenged, resends, answered FROM lobby_user WHERE lobby = ? AND mxid = ?",
            params![id, mxid],
            |row| {
                Ok(LobbyUser {
                    tries: row.get(0)?,
                    challenged: row.get::<_, Option<i64>>(1)?.is_some(),
                    resends: row.get(2)?,
                    answered: row.get(3)?,
                })
            },
        )
        .optional()?;
    Ok(user)
}

/// Everybody who was challenged there, in the order of joining.
pub fn challenged_users(tx: &Transaction<'_>, id: i64) -> Result<Vec<String>, StoreError> {
    let mut query =
        tx.prepare("SELECT mxid FROM lobby_user WHERE lobby = ? AND challenged IS NOT NULL ORDER BY rowid")?;
    let users = query.query_map([id], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(users)
}

/// Writes down that the challenge was posted to a user, or posted again.
pub fn set_challenged(tx: &Transaction<'_>, id: i64, mxid: &str, again: bool) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE lobby_user SET challenged = coalesce(challenged, ?), resends = resends + ? WHERE lobby = ? AND mxid = ?",
        params![now_ms(), u32::from(again), id, mxid],
    )?;
    Ok(())
}

/// Writes down an answer, and whether it was a miss.
pub fn set_answered(tx: &Transaction<'_>, id: i64, mxid: &str, miss: bool) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE lobby_user SET answered = 1, tries = tries + ? WHERE lobby = ? AND mxid = ?",
        params![u32::from(miss), id, mxid],
    )?;
    Ok(())
}

/// The rooms of those that are open.
pub fn open_rooms(tx: &Transaction<'_>) -> Result<HashSet<String>, StoreError> {
    let mut query = tx.prepare("SELECT room_id FROM lobby WHERE closed IS NULL AND room_id IS NOT NULL")?;
    let rooms = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(rooms)
}

/// Writes down which identity is in the room of an open one.
pub fn set_host(tx: &Transaction<'_>, room: &str, role: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE lobby SET role = ? WHERE room_id = ? AND closed IS NULL",
        params![role, room],
    )?;
    Ok(())
}

fn one(tx: &Transaction<'_>, which: &str, value: impl rusqlite::ToSql) -> Result<Option<Lobby>, StoreError> {
    let lobby = tx
        .query_row(
            &format!("SELECT id, role, room_id, alias, code, title, keyword, created, closed FROM lobby WHERE {which}"),
            [value],
            read,
        )
        .optional()?;
    Ok(lobby)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Lobby> {
    Ok(Lobby {
        id: row.get("id")?,
        role: row.get("role")?,
        room_id: row.get("room_id")?,
        alias: row.get("alias")?,
        code: row.get("code")?,
        title: row.get("title")?,
        keyword: row.get("keyword")?,
        created: row.get("created")?,
        closed: row.get::<_, Option<i64>>("closed")?.is_some(),
    })
}
