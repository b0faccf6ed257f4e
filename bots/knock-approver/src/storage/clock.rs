//! The time that rows are dated by: it never jumps while the process runs, and never goes back over a restart.
//!
//! The machine's clock is asked once. From there on the monotonic clock counts, so that nobody's wait is cut short or
//! drawn out by a clock that is set right meanwhile. What waits at a stop has waited as long at the next start: a wait
//! counts the time that the bot was there to hear.

use std::{
    sync::{
        OnceLock,
        atomic::{AtomicI64, Ordering},
    },
    time::SystemTime,
};

use rusqlite::{Transaction, params};
use tokio::time::Instant;

use super::{StoreError, facts};

/// The name of the value that says when the database was last written to by a sync.
const SEEN: &str = "clock";

static BEGINNING: OnceLock<(i64, Instant)> = OnceLock::new();
/// How far the machine's clock was found to be behind what the database knows, in milliseconds.
static AHEAD: AtomicI64 = AtomicI64::new(0);

/// Now, in Unix milliseconds by this process's own count.
pub fn now_ms() -> i64 {
    let (wall, begun) = *BEGINNING.get_or_init(|| (machine_ms(), Instant::now()));
    let elapsed = i64::try_from(begun.elapsed().as_millis()).unwrap_or(i64::MAX);
    wall.saturating_add(elapsed)
        .saturating_add(AHEAD.load(Ordering::Relaxed))
}

fn machine_ms() -> i64 {
    let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    elapsed.map_or(0, |elapsed| i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX))
}

/// Writes down that the bot is here now.
pub fn beat(tx: &Transaction<'_>) -> Result<(), StoreError> {
    facts::set_value(tx, SEEN, &now_ms().to_string())
}

/// At the start: goes on from where the last process stopped. Times of the past stay in the past, even where the
/// machine's clock has been set back, and what waits goes on waiting for as long as was left.
pub fn resume(tx: &Transaction<'_>) -> Result<(), StoreError> {
    let Some(seen) = facts::value(tx, SEEN)?.and_then(|seen| seen.parse::<i64>().ok()) else {
        return beat(tx);
    };
    let away = now_ms().saturating_sub(seen);
    if away < 0 {
        AHEAD.fetch_add(away.saturating_neg(), Ordering::Relaxed);
    } else {
        tx.execute(
            "UPDATE inbox SET due = due + ? WHERE done IS NULL AND due > ?",
            params![away, seen],
        )?;
    }
    beat(tx)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{
        Store,
        queue::{self, Queue},
    };

    const HOUR: i64 = 3_600_000;

    async fn store_seen(at: i64) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store
            .run(move |tx| facts::set_value(tx, SEEN, &at.to_string()))
            .await
            .unwrap();
        (dir, store)
    }

    async fn due(store: &Store) -> i64 {
        let due = store.run(|tx| {
            let due = tx.query_row("SELECT due FROM inbox WHERE key = 'timeout'", [], |row| row.get(0))?;
            Ok::<i64, StoreError>(due)
        });
        due.await.unwrap()
    }

    /// A stop of a day, or a clock that is a day ahead: neither can be told from the other, and neither times anybody out.
    #[tokio::test]
    async fn what_waits_goes_on_waiting_for_as_long_as_was_left() {
        let (_dir, store) = store_seen(now_ms() - 24 * HOUR).await;
        let put = store.run(|tx| {
            queue::put(tx, Queue::Inbox, "timeout", "lane", &(), 0)?;
            tx.execute("UPDATE inbox SET due = ?", [now_ms() - 22 * HOUR])?;
            resume(tx)
        });
        put.await.unwrap();
        let left = due(&store).await - now_ms();
        // Give or take what the test itself takes.
        assert!((2 * HOUR - 60_000..=2 * HOUR + 60_000).contains(&left), "{left}");
    }

    #[tokio::test]
    async fn a_clock_that_was_set_back_is_not_followed() {
        let before = now_ms();
        let (_dir, store) = store_seen(before + HOUR).await;
        store.run(resume).await.unwrap();
        let now = now_ms();
        AHEAD.store(0, Ordering::Relaxed);
        assert!(now >= before + HOUR, "{now}");
    }
}
