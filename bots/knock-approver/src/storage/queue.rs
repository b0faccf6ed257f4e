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
    /// What makes it unique in this database.
    pub key: String,
    /// Rows of one lane are worked on one after another.
    pub lane: String,
    /// What it is, as JSON.
    pub payload: String,
    /// When it was put in, Unix milliseconds.
    pub created: i64,
    /// The device that tried it last; `None` if none did.
    pub tried: Option<String>,
    /// What the homeserver knows it by, in the outbox: random, and the same at every try.
    pub transaction: String,
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
    let (payload, now) = (serde_json::to_string(payload)?, now_ms());
    // At once means now, so that what is due earlier comes first.
    let due = due.max(now);
    let put = match queue {
        Queue::Inbox => tx.execute(
            "INSERT OR IGNORE INTO inbox (key, lane, payload, due, created) VALUES (?, ?, ?, ?, ?)",
            params![key, lane, payload, due, now],
        )?,
        Queue::Outbox => tx.execute(
            "INSERT OR IGNORE INTO outbox (key, lane, payload, due, created, transaction_id) VALUES (?, ?, ?, ?, ?, ?)",
            params![key, lane, payload, due, now, transaction()],
        )?,
    };
    Ok(put == 1)
}

/// A name for an effect that no other effect ever has, in no copy of any database.
fn transaction() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The next row of a lane that is due. In the outbox nothing overtakes: where the oldest row waits, the lane waits.
/// What was put into the inbox for a later time is a timer, which nothing waits for.
pub fn next(tx: &Transaction<'_>, queue: Queue, lane: &str) -> Result<Option<Entry>, StoreError> {
    let (transaction, order) = match queue {
        Queue::Inbox => ("''", "due, id"),
        Queue::Outbox => ("transaction_id", "id"),
    };
    let first = tx
        .query_row(
            &format!(
                "SELECT id, key, lane, payload, created, tried, {transaction} AS transaction_id, due FROM {}
                 WHERE done IS NULL AND lane = ? ORDER BY {order} LIMIT 1",
                queue.table()
            ),
            [lane],
            |row| Ok((read(row)?, row.get::<_, i64>("due")?)),
        )
        .optional()?;
    Ok(first.filter(|(_, due)| *due <= now_ms()).map(|(entry, _)| entry))
}

/// The lanes with a row that can be worked on, and when the next row of any lane will be due.
pub fn lanes(tx: &Transaction<'_>, queue: Queue) -> Result<(Vec<String>, Option<i64>), StoreError> {
    let now = now_ms();
    let mut query = tx.prepare_cached(match queue {
        Queue::Inbox => "SELECT lane, min(due) FROM inbox WHERE done IS NULL GROUP BY lane",
        // SQLite takes the other columns from the row that has the minimum.
        Queue::Outbox => "SELECT lane, due, min(id) FROM outbox WHERE done IS NULL GROUP BY lane",
    })?;
    let first = query.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?)))?;
    let (mut ready, mut next) = (Vec::new(), None);
    for row in first {
        let (lane, due) = row?;
        match due <= now {
            true => ready.push(lane),
            false => next = Some(next.map_or(due, |next: i64| next.min(due))),
        }
    }
    Ok((ready, next))
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
pub fn postpone(tx: &Transaction<'_>, queue: Queue, id: i64, due: i64) -> Result<(), StoreError> {
    tx.execute(
        &format!("UPDATE {} SET due = ? WHERE id = ?", queue.table()),
        params![due, id],
    )?;
    Ok(())
}

/// Moves an effect to a later time, or to when `cause` (a room's id, an account) is reported cured, if that is earlier.
pub fn hold(tx: &Transaction<'_>, id: i64, cause: &str, due: i64) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE outbox SET due = ?, waits_for = ? WHERE id = ?",
        params![due, cause, id],
    )?;
    Ok(())
}

/// Has the effects tried now that wait for this.
pub fn wake(tx: &Transaction<'_>, cause: &str) -> Result<usize, StoreError> {
    Ok(tx.execute(
        "UPDATE outbox SET due = ? WHERE done IS NULL AND waits_for = ? AND due > ?",
        params![now_ms(), cause, now_ms()],
    )?)
}

/// Has the oldest of the effects tried now that wait for this.
pub fn wake_first(tx: &Transaction<'_>, cause: &str) -> Result<usize, StoreError> {
    Ok(tx.execute(
        "UPDATE outbox SET due = ?1 WHERE id = (
            SELECT min(id) FROM outbox WHERE done IS NULL AND waits_for = ?2 AND due > ?1)",
        params![now_ms(), cause],
    )?)
}

/// Has all effects tried now that wait for something: at the start nobody knows whether it is cured.
pub fn wake_all(tx: &Transaction<'_>) -> Result<usize, StoreError> {
    Ok(tx.execute(
        "UPDATE outbox SET due = ? WHERE done IS NULL AND waits_for IS NOT NULL",
        [now_ms()],
    )?)
}

/// The number of the last effect that was put in; 0 where none is there.
pub fn last_effect(tx: &Transaction<'_>) -> Result<i64, StoreError> {
    Ok(tx.query_row("SELECT coalesce(max(id), 0) FROM outbox", [], |row| row.get(0))?)
}

/// Whether an effect waits for this.
pub fn any_held(tx: &Transaction<'_>, cause: &str) -> Result<bool, StoreError> {
    Ok(tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM outbox WHERE done IS NULL AND waits_for = ?)",
        [cause],
        |row| row.get(0),
    )?)
}

/// Whether a row with this key is not done.
pub fn is_pending(tx: &Transaction<'_>, queue: Queue, key: &str) -> Result<bool, StoreError> {
    Ok(tx.query_row(
        &format!(
            "SELECT EXISTS (SELECT 1 FROM {} WHERE key = ? AND done IS NULL)",
            queue.table()
        ),
        [key],
        |row| row.get(0),
    )?)
}

/// Has the rows of the inbox looked at now whose key begins so.
pub fn hasten(tx: &Transaction<'_>, prefix: &str) -> Result<usize, StoreError> {
    Ok(tx.execute(
        "UPDATE inbox SET due = ?1 WHERE done IS NULL AND due > ?1 AND substr(key, 1, length(?2)) = ?2",
        params![now_ms(), prefix],
    )?)
}

/// Takes out all of a lane that is not done: where it was to be done, nothing can be done any more.
pub fn cancel_lane(tx: &Transaction<'_>, queue: Queue, lane: &str) -> Result<usize, StoreError> {
    Ok(tx.execute(
        &format!("UPDATE {} SET done = ? WHERE lane = ? AND done IS NULL", queue.table()),
        params![now_ms(), lane],
    )?)
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

/// Takes the effects out whose key begins so and that nobody has tried.
pub fn cancel_untried(tx: &Transaction<'_>, prefix: &str) -> Result<usize, StoreError> {
    Ok(tx.execute(
        "UPDATE outbox SET done = ?1 WHERE done IS NULL AND tried IS NULL AND substr(key, 1, length(?2)) = ?2",
        params![now_ms(), prefix],
    )?)
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

/// Forgets rows done before `before` (Unix milliseconds). What came from a room in which somebody is still asked is kept,
/// so that it is known when it is seen again; of knocks the key is kept for as long as they may stand.
pub fn forget(tx: &Transaction<'_>, before: i64) -> Result<usize, StoreError> {
    let inbox = tx.execute(
        "DELETE FROM inbox WHERE done < ?1 AND key NOT LIKE 'knock:%' AND lane NOT IN (
            SELECT room_id FROM vetting WHERE closed IS NULL AND room_id IS NOT NULL
            UNION SELECT room_id FROM lobby WHERE closed IS NULL AND room_id IS NOT NULL)",
        [before],
    )?;
    tx.execute(
        "UPDATE inbox SET payload = '' WHERE done < ? AND key LIKE 'knock:%'",
        [before],
    )?;
    let outbox = tx.execute("DELETE FROM outbox WHERE done < ?", [before])?;
    Ok(inbox + outbox)
}

/// Forgets the knocks done before `before` that do not stand any more: `standing` are the events of those that do.
pub fn forget_knocks(tx: &Transaction<'_>, before: i64, standing: &HashSet<String>) -> Result<usize, StoreError> {
    let mut query = tx.prepare("SELECT id, substr(key, 7) FROM inbox WHERE done < ? AND key LIKE 'knock:%'")?;
    let old = query.query_map([before], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?)))?;
    let old = old.collect::<Result<Vec<_>, _>>()?;
    let mut forgotten = 0;
    for (id, event) in old {
        if !standing.contains(&event) {
            forgotten += tx.execute("DELETE FROM inbox WHERE id = ?", [id])?;
        }
    }
    Ok(forgotten)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Entry> {
    Ok(Entry {
        id: row.get("id")?,
        key: row.get("key")?,
        lane: row.get("lane")?,
        payload: row.get("payload")?,
        created: row.get("created")?,
        tried: row.get("tried")?,
        transaction: row.get("transaction_id")?,
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
