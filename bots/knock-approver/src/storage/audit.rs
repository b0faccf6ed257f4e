//! What happened, for the operator: never a secret.

use rusqlite::{Transaction, params};
use serde_json::Value;

use super::{StoreError, now_ms};

/// What entries there are.
pub const KINDS: [&str; 19] = [
    "command",
    "effect_refused",
    "imported",
    "knock_accepted",
    "knock_repeated",
    "knock_stale",
    "knock_unknown_code",
    "lobby_abandoned",
    "lobby_failed",
    "lobby_opened",
    "promoted",
    "promotion_refused",
    "promotion_withdrawn",
    "rejoined",
    "signup",
    "undecryptable",
    "verification",
    "vetting_closed",
    "vetting_failed",
];

/// So many entries are kept.
const KEPT: i64 = 20_000;

/// After so many new ones the old ones are forgotten.
const TRIMMED_EVERY: i64 = 1000;

/// Forgets all but the newest entries; their counts stay.
pub fn trim(tx: &Transaction<'_>) -> Result<usize, StoreError> {
    let newest = "SELECT id FROM audit ORDER BY id DESC LIMIT 1 OFFSET ?";
    Ok(tx.execute(&format!("DELETE FROM audit WHERE id <= ({newest})"), [KEPT])?)
}

/// Writes one entry.
pub fn write(tx: &Transaction<'_>, kind: &str, detail: &Value) -> Result<(), StoreError> {
    debug_assert!(KINDS.contains(&kind), "{kind} is not among what is written");
    tx.execute(
        "INSERT INTO audit (ts, type, detail) VALUES (?, ?, ?)",
        params![now_ms(), kind, detail.to_string()],
    )?;
    // Strangers decide how much there is to write: it is not left to the daily sweep alone.
    if tx.last_insert_rowid() % TRIMMED_EVERY == 0 {
        trim(tx)?;
    }
    Ok(())
}

/// How many entries of each type there ever were.
pub fn counts(tx: &Transaction<'_>) -> Result<Vec<(String, u64)>, StoreError> {
    let mut query = tx.prepare_cached("SELECT type, entries FROM audit_count ORDER BY type")?;
    let counts = query
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::storage::Store;

    #[tokio::test]
    async fn the_audit_is_trimmed_and_its_counts_stay() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let (kept, counts) = store
            .run(|tx| {
                for number in 0..KEPT + TRIMMED_EVERY + 5 {
                    write(tx, "knock_repeated", &json!({ "number": number }))?;
                }
                let most: i64 = tx.query_row("SELECT count(*) FROM audit", [], |row| row.get(0))?;
                assert!(most < KEPT + TRIMMED_EVERY, "{most}");
                trim(tx)?;
                let kept = tx.query_row(
                    "SELECT count(*), min(json_extract(detail, '$.number')) FROM audit",
                    [],
                    |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
                )?;
                Ok::<_, StoreError>((kept, counts(tx)?))
            })
            .await
            .unwrap();
        assert_eq!(kept, (KEPT, TRIMMED_EVERY + 5));
        assert_eq!(
            counts,
            [(
                "knock_repeated".to_owned(),
                u64::try_from(KEPT + TRIMMED_EVERY).unwrap() + 5
            )]
        );
    }
}
