//! The tables, as numbered migrations: a migration that was released is never edited, the next one is appended.

use rusqlite::{Connection, TransactionBehavior};
use rusqlite_migration::{Error, M, Migrations};

const STEPS: &[M<'_>] = &[
    M::up(include_str!("schema_1.sql")),
    M::up(include_str!("schema_2.sql")),
    M::up(include_str!("schema_3.sql")),
    M::up(include_str!("schema_4.sql")),
    M::up(include_str!("schema_5.sql")),
];
const MIGRATIONS: Migrations<'_> = Migrations::from_slice(STEPS);

/// The newest version that this program knows.
pub(super) const NEWEST: usize = STEPS.len();

/// The version that a database has; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the database to the newest version.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    connection.set_transaction_behavior(TransactionBehavior::Immediate);
    match MIGRATIONS.to_latest(connection) {
        // Another process (`codes` beside a bot that starts) was faster, after the version was looked at.
        Err(_) if version(connection)? == NEWEST => Ok(()),
        Err(Error::RusqliteError { err, .. }) => Err(err),
        Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(Box::new(error))),
        Ok(()) => Ok(()),
    }
}

/// The tables of a database, in order.
pub(super) fn tables(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")?;
    query.query_map([], |row| row.get(0))?.collect()
}

/// The tables that a database of the newest version has and this one has not.
pub(super) fn missing(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut whole = Connection::open_in_memory()?;
    migrate(&mut whole)?;
    let there = tables(connection)?;
    Ok(tables(&whole)?
        .into_iter()
        .filter(|table| !there.contains(table))
        .collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use rstest::rstest;

    use super::*;
    use crate::storage::{Store, codes};

    fn whole() -> BTreeSet<(String, Option<String>)> {
        let mut newest = Connection::open_in_memory().unwrap();
        migrate(&mut newest).unwrap();
        objects(&newest)
    }

    /// Tables, indexes and triggers, with what they are made by.
    fn objects(connection: &Connection) -> BTreeSet<(String, Option<String>)> {
        let mut query = connection.prepare("SELECT name, sql FROM sqlite_master").unwrap();
        let objects = query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        objects.collect::<Result<_, _>>().unwrap()
    }

    #[rstest]
    #[tokio::test]
    async fn a_database_of_every_earlier_version_opens_with_what_is_in_it(#[values(1, 2, 3, 4, 5)] earlier: usize) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(Store::FILE);
        let mut old = Connection::open(&path).unwrap();
        // As programs before this one did it.
        for (done, step) in ["1", "2", "3", "4", "5"].iter().enumerate().take(earlier) {
            let file = format!("{}/src/storage/schema_{step}.sql", env!("CARGO_MANIFEST_DIR"));
            let transaction = old.transaction().unwrap();
            transaction
                .execute_batch(&std::fs::read_to_string(file).unwrap())
                .unwrap();
            transaction.pragma_update(None, "user_version", done + 1).unwrap();
            transaction.commit().unwrap();
        }
        old.execute(
            "INSERT INTO code (code, kind, label, uses_remaining, created) VALUES ('kept', 'knock', 'friends', 3, 0)",
            [],
        )
        .unwrap();
        drop(old);
        let live = Store::open(folder.path()).unwrap().run(codes::live).await.unwrap();
        assert_eq!((live[0].code.as_str(), live[0].uses_remaining), ("kept", 3));
        let migrated = Connection::open(&path).unwrap();
        assert_eq!(version(&migrated).unwrap(), NEWEST);
        assert_eq!(objects(&migrated), whole());
    }

    #[test]
    fn every_migration_is_tried_by_the_test_above() {
        assert_eq!(NEWEST, 5);
        MIGRATIONS.validate().unwrap();
    }
}
