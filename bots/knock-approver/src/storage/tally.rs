//! How much there is of what, counted by the database itself as it changes: whoever asks waits for no count, however much there is.

use std::collections::HashMap;

use rusqlite::Transaction;

use super::{StoreError, audit};

/// What was counted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Rows of the inbox that are not done.
    pub inbox: i64,
    /// Rows of the outbox that are not done.
    pub outbox: i64,
    /// Open vettings.
    pub vettings: i64,
    /// Open lobbies.
    pub lobbies: i64,
    /// Entries that were ever written to the audit, by type. Trimming the audit takes none away.
    pub audit: Vec<(String, u64)>,
}

/// Reads what was counted.
pub fn read(tx: &Transaction<'_>) -> Result<Tally, StoreError> {
    let mut query = tx.prepare_cached("SELECT what, count FROM tally")?;
    let rows = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let counts = rows.collect::<Result<HashMap<String, i64>, _>>()?;
    let count = |what: &str| counts.get(what).copied().unwrap_or_default();
    Ok(Tally {
        inbox: count("inbox"),
        outbox: count("outbox"),
        vettings: count("vetting"),
        lobbies: count("lobby"),
        audit: audit::counts(tx)?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::storage::{
        Store, audit,
        queue::{self, Queue},
    };

    async fn tally(store: &Store) -> Tally {
        store.run(read).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_put_in_done_and_forgotten_is_counted() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store
            .run(|tx| {
                for key in ["a", "b", "c"] {
                    queue::put(tx, Queue::Inbox, key, "lane", &(), 0)?;
                    queue::put(tx, Queue::Inbox, key, "lane", &(), 0)?;
                }
                queue::put(tx, Queue::Outbox, "a", "lane", &(), 0)?;
                queue::cancel(tx, Queue::Inbox, "a")?;
                queue::cancel(tx, Queue::Inbox, "a")?;
                queue::forget(tx, i64::MAX)?;
                audit::write(tx, "signup", &json!({}))?;
                audit::write(tx, "signup", &json!({}))?;
                tx.execute("DELETE FROM audit", [])?;
                tx.execute(
                    "INSERT INTO vetting (mxid, code, tries_left, created) VALUES ('@a:x', 'c', 3, 0)",
                    [],
                )?;
                tx.execute(
                    "INSERT INTO lobby (role, alias, code, created) VALUES ('approver', 'l', 'c', 0)",
                    [],
                )?;
                tx.execute("UPDATE lobby SET closed = 1", [])?;
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        let expected = Tally {
            inbox: 2,
            outbox: 1,
            vettings: 1,
            lobbies: 0,
            audit: vec![("signup".to_owned(), 2)],
        };
        assert_eq!(tally(&store).await, expected);
    }
}
