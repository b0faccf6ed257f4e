//! The tables, as numbered migrations: a migration that was released is never edited, the next one is appended.

use rusqlite::{Connection, TransactionBehavior};

const MIGRATIONS: [&str; 5] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
    include_str!("schema_5.sql"),
];

/// The newest version that this program knows.
pub(super) const NEWEST: usize = MIGRATIONS.len();

/// The version that a database has; 0 for an empty one.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<usize> {
    connection.query_row("PRAGMA user_version", [], |row| row.get(0))
}

/// Brings the database to the newest version.
pub(super) fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for (done, migration) in MIGRATIONS.iter().enumerate().skip(version(&transaction)?) {
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", done + 1)?;
    }
    transaction.commit()
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
