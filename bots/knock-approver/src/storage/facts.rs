//! Small facts: what was announced, where each sync stands, and single values.

use rusqlite::{OptionalExtension, Transaction, params};

use super::{StoreError, now_ms};
use crate::config::Role;

/// Writes down that something is announced; answers whether it was not yet.
pub fn announce(tx: &Transaction<'_>, key: &str) -> Result<bool, StoreError> {
    let new = tx.execute(
        "INSERT OR IGNORE INTO announcement (key, created) VALUES (?, ?)",
        params![key, now_ms()],
    )?;
    Ok(new == 1)
}

/// The position after the last batch that was taken.
pub fn position(tx: &Transaction<'_>, role: Role) -> Result<Option<String>, StoreError> {
    let position = tx
        .query_row("SELECT position FROM position WHERE role = ?", [role.name()], |row| {
            row.get(0)
        })
        .optional()?;
    Ok(position)
}

/// Moves the position.
pub fn set_position(tx: &Transaction<'_>, role: Role, position: &str) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO position (role, position) VALUES (?, ?) ON CONFLICT (role) DO UPDATE SET position = excluded.position",
        params![role.name(), position],
    )?;
    Ok(())
}

/// A single value.
pub fn value(tx: &Transaction<'_>, key: &str) -> Result<Option<String>, StoreError> {
    let value = tx
        .query_row("SELECT value FROM meta WHERE key = ?", [key], |row| row.get(0))
        .optional()?;
    Ok(value)
}

/// Forgets a single value.
pub fn forget_value(tx: &Transaction<'_>, key: &str) -> Result<(), StoreError> {
    tx.execute("DELETE FROM meta WHERE key = ?", [key])?;
    Ok(())
}

/// Sets a single value.
pub fn set_value(tx: &Transaction<'_>, key: &str, value: &str) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        params![key, value],
    )?;
    Ok(())
}
