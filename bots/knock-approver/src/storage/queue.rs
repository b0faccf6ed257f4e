//! The inbox and the outbox: rows that are worked on in order within a lane, each until it is done.

use std::collections::HashSet;

use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::{Serialize, de::DeserializeOwned};

use super::{StoreError, now_ms};

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// What came in, and what is due at a time.
    Inbox,
    /// What must go out.
    Outbox,
}

impl Queue {
    const fn table(self) -> &'static str {
        match self {
            Self::Inbox => "inbox",
            Self::Outbox => "outbox",
        }
    }
}

/// A row that is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number: later rows have higher ones.
    pub id: i64,
    /// What makes it unique, in the outbox also the transaction id.
    pub key: String,
    /// Rows of one lane are worked on one after another.
    pub lane: String,
    /// What it is, as JSON.
    pub payload: String,
    /// When it was put in, Unix milliseconds.
    pub created: i64,
    /// The device that tried it last; `None` if none did.
    pub tried: Option<String>,
}

impl Entry {
    /// The payload as what was put in.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, StoreError> {
        Ok(serde_json::from_str(&self.payload)?)
    }
}

/// Puts a row in, due at `due` (Unix milliseconds; 0 = at once), unless one with this key was ever put in; answers
/// whether it did.
pub fn put<T: Serialize>(
    tx: &Transaction<'_>,
    queue: Queue,
    key: &str,
    lane: &str,
    payload: &T,
    due: i64,
) -> Result<bool, StoreError> {
    let put = tx.execute(
        &format!(
            "INSERT OR IGNORE INTO {} (key, lane, payload, due, created) VALUES (?, ?, ?, ?, ?)",
            queue.table()
        ),
        params![key, lane, serde_json::to_string(payload)?, due, now_ms()],
    )?;
    Ok(put == 1)
}

/// The next row of a lane that is due.
pub fn next(tx: &Transaction<'_>, queue: Queue, lane: &str) -> Result<Option<Entry>, StoreError> {
    let entry = tx
        .query_row(
            &format!(
                "SELECT id, key, lane, payload, created, tried FROM {}
                 WHERE done IS NULL AND lane = ? AND due <= ? ORDER BY due, id LIMIT 1",
                queue.table()
            ),
            params![lane, now_ms()],
            read,
        )
        .optional()?;
    Ok(entry)
}

/// The lanes with a row that is due, and when the next row of any lane will be due.
pub fn lanes(tx: &Transaction<'_>, queue: Queue) -> Result<(Vec<String>, Option<i64>), StoreError> {
    let now = now_ms();
    let table = queue.table();
    let mut query = tx.prepare_cached(&format!(
        "SELECT DISTINCT lane FROM {table} WHERE done IS NULL AND due <= ?"
    ))?;
    let lanes = query.query_map([now], |row| row.get(0))?.collect::<Result<_, _>>()?;
    let next = tx.query_row(
        &format!("SELECT min(due) FROM {table} WHERE done IS NULL AND due > ?"),
        [now],
        |row| row.get(0),
    )?;
    Ok((lanes, next))
}

/// The lanes of both queues with a row that is not done, due or not.
pub fn busy_lanes(tx: &Transaction<'_>) -> Result<HashSet<String>, StoreError> {
    let mut query = tx
        .prepare_cached("SELECT lane FROM inbox WHERE done IS NULL UNION SELECT lane FROM outbox WHERE done IS NULL")?;
    let lanes = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(lanes)
}

/// Marks that a device is about to try the row: from here on its outcome is unknown until it is done.
pub fn trying(tx: &Transaction<'_>, queue: Queue, id: i64, device: &str) -> Result<(), StoreError> {
    tx.execute(
        &format!("UPDATE {} SET tried = ? WHERE id = ?", queue.table()),
        params![device, id],
    )?;
    Ok(())
}

/// Marks a row done; answers whether it was not yet.
pub fn done(tx: &Transaction<'_>, queue: Queue, id: i64) -> Result<bool, StoreError> {
    let done = tx.execute(
        &format!("UPDATE {} SET done = ? WHERE id = ? AND done IS NULL", queue.table()),
        params![now_ms(), id],
    )?;
    Ok(done == 1)
}

/// Moves a row to a later time.
pub fn later(tx: &Transaction<'_>, queue: Queue, id: i64, due: i64, tried: &str) -> Result<(), StoreError> {
    tx.execute(
        &format!("UPDATE {} SET due = ?, tried = ? WHERE id = ?", queue.table()),
        params![due, tried, id],
    )?;
    Ok(())
}

/// Moves a row that nobody tried to a later time.
pub fn postpone(tx: &Transaction<'_>, queue: Queue, id: i64, due: i64) -> Result<(), StoreError> {
    tx.execute(
        &format!("UPDATE {} SET due = ? WHERE id = ?", queue.table()),
        params![due, id],
    )?;
    Ok(())
}

/// Writes down which event a sent message became.
pub fn sent_as(tx: &Transaction<'_>, id: i64, event: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE outbox SET event = ? WHERE id = ?", params![event, id])?;
    Ok(())
}

/// The events that sent messages became.
pub fn sent_events(tx: &Transaction<'_>) -> Result<HashSet<String>, StoreError> {
    let mut query = tx.prepare("SELECT event FROM outbox WHERE event IS NOT NULL")?;
    let events = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(events)
}

/// The rooms of all vettings and lobbies.
pub fn known_rooms(tx: &Transaction<'_>) -> Result<HashSet<String>, StoreError> {
    let mut query = tx.prepare(
        "SELECT room_id FROM vetting WHERE room_id IS NOT NULL UNION SELECT room_id FROM lobby WHERE room_id IS NOT NULL",
    )?;
    let rooms = query.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    Ok(rooms)
}

/// Takes a row out that is no longer wanted, such as a time-out of something that ended.
pub fn cancel(tx: &Transaction<'_>, queue: Queue, key: &str) -> Result<(), StoreError> {
    tx.execute(
        &format!("UPDATE {} SET done = ? WHERE key = ? AND done IS NULL", queue.table()),
        params![now_ms(), key],
    )?;
    Ok(())
}

/// How many rows are not done.
pub fn pending(tx: &Transaction<'_>, queue: Queue) -> Result<u64, StoreError> {
    let count = tx.query_row(
        &format!("SELECT count(*) FROM {} WHERE done IS NULL", queue.table()),
        [],
        |row| row.get(0),
    )?;
    Ok(count)
}

/// Forgets rows done before `before` (Unix milliseconds). Knocks are kept: they are found again among the members for
/// as long as they stand.
pub fn forget(tx: &Transaction<'_>, before: i64) -> Result<usize, StoreError> {
    let inbox = tx.execute("DELETE FROM inbox WHERE done < ? AND key NOT LIKE 'knock:%'", [before])?;
    let outbox = tx.execute("DELETE FROM outbox WHERE done < ?", [before])?;
    Ok(inbox + outbox)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get("id")?,
        key: row.get("key")?,
        lane: row.get("lane")?,
        payload: row.get("payload")?,
        created: row.get("created")?,
        tried: row.get("tried")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Store;

    #[tokio::test]
    async fn a_lane_is_busy_until_its_rows_are_done_also_those_that_are_not_due() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let (before, after) = store
            .run(|tx| {
                put(tx, Queue::Inbox, "timeout", "!a:x", &(), i64::MAX)?;
                put(tx, Queue::Outbox, "leave", "!b:x", &(), 0)?;
                let before = busy_lanes(tx)?;
                cancel(tx, Queue::Inbox, "timeout")?;
                Ok::<_, StoreError>((before, busy_lanes(tx)?))
            })
            .await
            .unwrap();
        assert_eq!(before, HashSet::from(["!a:x".to_owned(), "!b:x".to_owned()]));
        assert_eq!(after, HashSet::from(["!b:x".to_owned()]));
    }
}
