//! What happened, for the operator: never a secret.

use rusqlite::{Transaction, params};
use serde_json::Value;

use super::{StoreError, now_ms};

/// Writes one entry.
pub fn write(tx: &Transaction<'_>, kind: &str, detail: &Value) -> Result<(), StoreError> {
    tx.execute(
        "INSERT INTO audit (ts, type, detail) VALUES (?, ?, ?)",
        params![now_ms(), kind, detail.to_string()],
    )?;
    Ok(())
}

/// How many entries of each type there are.
pub fn counts(tx: &Transaction<'_>) -> Result<Vec<(String, u64)>, StoreError> {
    let mut query = tx.prepare("SELECT type, count(*) FROM audit GROUP BY type ORDER BY type")?;
    let counts = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(counts)
}
