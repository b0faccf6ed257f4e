//! Rooms in which a knocker is asked.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{StoreError, now_ms};

/// One vetting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vetting {
    /// Its number.
    pub id: i64,
    /// The knocker.
    pub mxid: String,
    /// The knock's event; an imported vetting has none.
    pub knock: Option<String>,
    /// The code that the knock named.
    pub code: String,
    /// The room, once made.
    pub room_id: Option<String>,
    /// The challenge's title, once there is one.
    pub title: Option<String>,
    /// The word that the haiku must have.
    pub keyword: Option<String>,
    /// How many haiku the knocker may still try.
    pub tries_left: u32,
    /// When it began, Unix milliseconds.
    pub created: i64,
    /// Whether the knocker passed.
    pub promoted: bool,
    /// Whether it ended.
    pub closed: bool,
}

const COLUMNS: &str = "id, mxid, knock, code, room_id, title, keyword, tries_left, created, promoted, closed";

/// Begins one for a knock; `None` if that knock has one already.
pub fn begin(tx: &Transaction<'_>, knock: &str, mxid: &str, code: &str, tries: u32) -> Result<Option<i64>, StoreError> {
    let new = tx.execute(
        "INSERT OR IGNORE INTO vetting (knock, mxid, code, tries_left, created) VALUES (?, ?, ?, ?, ?)",
        params![knock, mxid, code, tries, now_ms()],
    )?;
    Ok((new == 1).then(|| tx.last_insert_rowid()))
}

/// The one that is open for a user.
pub fn open_for(tx: &Transaction<'_>, mxid: &str) -> Result<Option<Vetting>, StoreError> {
    one(tx, "mxid = ? AND closed IS NULL", mxid)
}

/// How many began for a user since a time (Unix milliseconds), and when the first of them did.
pub fn since(tx: &Transaction<'_>, mxid: &str, time: i64) -> Result<(u32, Option<i64>), StoreError> {
    let sql = "SELECT count(*), min(created) FROM vetting WHERE mxid = ? AND created > ?";
    Ok(tx.query_row(sql, params![mxid, time], |row| Ok((row.get(0)?, row.get(1)?)))?)
}

/// The one with this number.
pub fn by_id(tx: &Transaction<'_>, id: i64) -> Result<Option<Vetting>, StoreError> {
    one(tx, "id = ?", id)
}

/// The one in a room.
pub fn in_room(tx: &Transaction<'_>, room: &str) -> Result<Option<Vetting>, StoreError> {
    one(tx, "room_id = ?", room)
}

/// Writes down which room it has.
pub fn set_room(tx: &Transaction<'_>, id: i64, room: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE vetting SET room_id = ? WHERE id = ?", params![room, id])?;
    Ok(())
}

/// Writes down its challenge.
pub fn set_challenge(tx: &Transaction<'_>, id: i64, title: &str, keyword: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE vetting SET title = ?, keyword = ? WHERE id = ?",
        params![title, keyword, id],
    )?;
    Ok(())
}

/// Writes down a miss.
pub fn miss(tx: &Transaction<'_>, id: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE vetting SET tries_left = max(tries_left - 1, 0) WHERE id = ?",
        [id],
    )?;
    Ok(())
}

/// Ends it with a reason.
pub fn close(tx: &Transaction<'_>, id: i64, reason: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE vetting SET closed = ?, closed_reason = ? WHERE id = ? AND closed IS NULL",
        params![now_ms(), reason, id],
    )?;
    Ok(())
}

/// Ends it well.
pub fn promote(tx: &Transaction<'_>, id: i64, display_name: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE vetting SET promoted = ?1, closed = ?1, closed_reason = 'promoted', display_name = ?2 WHERE id = ?3",
        params![now_ms(), display_name, id],
    )?;
    Ok(())
}

/// The users for whom one is open.
pub fn open_users(tx: &Transaction<'_>) -> Result<Vec<String>, StoreError> {
    let mut query = tx.prepare("SELECT DISTINCT mxid FROM vetting WHERE closed IS NULL")?;
    let users = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(users)
}

/// The rooms of those that are open.
pub fn open_rooms(tx: &Transaction<'_>) -> Result<HashSet<String>, StoreError> {
    let mut query = tx.prepare("SELECT room_id FROM vetting WHERE closed IS NULL AND room_id IS NOT NULL")?;
    let rooms = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(rooms)
}

/// Gives a knock to a vetting that the old approver held, which did not write down for which: the last one of this user that
/// began after it was sent (Unix milliseconds). Answers whether there is one.
pub fn adopt(tx: &Transaction<'_>, knock: &str, mxid: &str, sent: i64) -> Result<bool, StoreError> {
    let adopted = tx.execute(
        "UPDATE vetting SET knock = ?1 WHERE id = (
            SELECT id FROM vetting WHERE knock IS NULL AND mxid = ?2 AND created >= ?3 ORDER BY id DESC LIMIT 1)",
        params![knock, mxid, sent],
    )?;
    Ok(adopted == 1)
}

fn one(tx: &Transaction<'_>, which: &str, value: impl rusqlite::ToSql) -> Result<Option<Vetting>, StoreError> {
    let vetting = tx
        .query_row(
            &format!("SELECT {COLUMNS} FROM vetting WHERE {which} ORDER BY id DESC LIMIT 1"),
            [value],
            read,
        )
        .optional()?;
    Ok(vetting)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Vetting> {
    Ok(Vetting {
        id: row.get("id")?,
        mxid: row.get("mxid")?,
        knock: row.get("knock")?,
        code: row.get("code")?,
        room_id: row.get("room_id")?,
        title: row.get("title")?,
        keyword: row.get("keyword")?,
        tries_left: row.get("tries_left")?,
        created: row.get("created")?,
        promoted: row.get::<_, Option<i64>>("promoted")?.is_some(),
        closed: row.get::<_, Option<i64>>("closed")?.is_some(),
    })
}

/// Whether some vetting's room is still being made.
pub fn any_unmade(tx: &Transaction<'_>) -> Result<bool, StoreError> {
    let any = tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM vetting WHERE room_id IS NULL AND closed IS NULL)",
        [],
        |row| row.get(0),
    )?;
    Ok(any)
}
