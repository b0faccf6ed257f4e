//! Who compares emoji with the bot, and what a person says to them.

use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{StoreError, now_ms};
use crate::config::Role;

/// So many are under way at once, at most.
const MOST: i64 = 4;
/// So long one that ended is known, in milliseconds.
const KNOWN: i64 = 24 * 3600 * 1000;

/// One verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verification {
    /// What people call it by.
    pub id: i64,
    /// Which identity is verified.
    pub role: Role,
    /// By whom.
    pub mxid: String,
    /// On which device of theirs.
    pub device: String,
    /// Its id, as both devices know it.
    pub flow: String,
    /// What is to be compared, once there is something: a symbol and its name each.
    pub emoji: Option<Vec<(String, String)>>,
    /// Whether a person says that both sides show the same.
    pub same: Option<bool>,
    /// How it ended.
    pub ended: Option<String>,
    /// Since when.
    pub created: i64,
}

/// What came of a person's word.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// It counts, for this one.
    Of(Verification),
    /// Nothing is shown that could be compared.
    OfNothing,
    /// Several are shown, and which was meant was not said.
    OfSeveral,
}

const COLUMNS: &str = "id, role, mxid, device, flow, emoji, same, ended, created";

fn read(row: &Row<'_>) -> rusqlite::Result<Verification> {
    let role: String = row.get(1)?;
    let emoji: Option<String> = row.get(5)?;
    let shape = |error| rusqlite::Error::FromSqlConversionFailure(5, rusqlite::types::Type::Text, Box::new(error));
    Ok(Verification {
        id: row.get(0)?,
        role: match role == Role::Onboarding.name() {
            true => Role::Onboarding,
            false => Role::Approver,
        },
        mxid: row.get(2)?,
        device: row.get(3)?,
        flow: row.get(4)?,
        emoji: emoji
            .map(|emoji| serde_json::from_str(&emoji))
            .transpose()
            .map_err(shape)?,
        same: row.get(6)?,
        ended: row.get(7)?,
        created: row.get(8)?,
    })
}

fn all(tx: &Transaction<'_>, which: &str) -> Result<Vec<Verification>, StoreError> {
    let mut query = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM verification WHERE {which} ORDER BY id"))?;
    let found = query.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(found)
}

/// Begins one; answers whether it is new, and there are not too many.
pub fn begin(tx: &Transaction<'_>, role: Role, mxid: &str, device: &str, flow: &str) -> Result<bool, StoreError> {
    let open: i64 = tx.query_row("SELECT count(*) FROM verification WHERE ended IS NULL", [], |row| {
        row.get(0)
    })?;
    if open >= MOST {
        return Ok(false);
    }
    let new = tx.execute(
        "INSERT OR IGNORE INTO verification (role, mxid, device, flow, created) VALUES (?, ?, ?, ?, ?)",
        params![role.name(), mxid, device, flow, now_ms()],
    )?;
    Ok(new == 1)
}

/// Those that are under way.
pub fn open(tx: &Transaction<'_>) -> Result<Vec<Verification>, StoreError> {
    all(tx, "ended IS NULL")
}

/// The one with this number.
pub fn by_id(tx: &Transaction<'_>, id: i64) -> Result<Option<Verification>, StoreError> {
    let mut query = tx.prepare_cached(&format!("SELECT {COLUMNS} FROM verification WHERE id = ?"))?;
    Ok(query.query_row([id], read).optional()?)
}

/// The one that ended last, a while ago at most.
pub fn last(tx: &Transaction<'_>) -> Result<Option<Verification>, StoreError> {
    Ok(all(tx, "ended IS NOT NULL")?.pop())
}

/// Shows what is to be compared. What a person said before is not about it.
pub fn show(tx: &Transaction<'_>, id: i64, emoji: &[(String, String)]) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE verification SET emoji = ?, same = NULL WHERE id = ? AND ended IS NULL",
        params![serde_json::to_string(emoji)?, id],
    )?;
    Ok(())
}

/// Takes a person's word on what is shown: of the one with this number, or of the only one.
pub fn say(tx: &Transaction<'_>, id: Option<i64>, same: bool) -> Result<Said, StoreError> {
    let mut shown = all(tx, "ended IS NULL AND emoji IS NOT NULL AND same IS NULL")?;
    shown.retain(|one| id.is_none_or(|id| one.id == id));
    let Some(one) = shown.pop() else {
        return Ok(Said::OfNothing);
    };
    if !shown.is_empty() {
        return Ok(Said::OfSeveral);
    }
    tx.execute("UPDATE verification SET same = ? WHERE id = ?", params![same, one.id])?;
    Ok(Said::Of(one))
}

/// Ends one.
pub fn end(tx: &Transaction<'_>, id: i64, how: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE verification SET ended = ? WHERE id = ? AND ended IS NULL",
        params![how, id],
    )?;
    Ok(())
}

/// Ends all that an earlier process left, and forgets what ended long ago.
pub fn clear(tx: &Transaction<'_>, how: &str) -> Result<(), StoreError> {
    tx.execute("UPDATE verification SET ended = ? WHERE ended IS NULL", [how])?;
    forget(tx)
}

/// Forgets what ended long ago.
pub fn forget(tx: &Transaction<'_>) -> Result<(), StoreError> {
    tx.execute(
        "DELETE FROM verification WHERE ended IS NOT NULL AND created < ?",
        [now_ms() - KNOWN],
    )?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Store;

    fn dog() -> Vec<(String, String)> {
        vec![("🐶".to_owned(), "Dog".to_owned())]
    }

    async fn in_store(test: impl FnOnce(&Transaction<'_>) -> Result<(), StoreError> + Send + 'static) {
        let dir = tempfile::tempdir().unwrap();
        Store::open(dir.path()).unwrap().run(test).await.unwrap();
    }

    #[tokio::test]
    async fn a_word_counts_for_what_is_shown_and_for_nothing_else() {
        in_store(|tx| {
            assert!(begin(tx, Role::Approver, "@ann:hs", "DEV", "one")?);
            assert!(!begin(tx, Role::Approver, "@ann:hs", "DEV", "one")?, "it is known");
            assert_eq!(say(tx, None, true)?, Said::OfNothing, "nothing is shown yet");
            show(tx, 1, &dog())?;
            assert!(begin(tx, Role::Onboarding, "@bob:hs", "DEV", "two")?);
            show(tx, 2, &dog())?;
            assert_eq!(say(tx, None, true)?, Said::OfSeveral);
            assert_eq!(say(tx, Some(3), true)?, Said::OfNothing);
            assert!(matches!(say(tx, Some(1), true)?, Said::Of(one) if one.mxid == "@ann:hs"));
            assert!(matches!(say(tx, None, false)?, Said::Of(two) if two.id == 2));
            let open = open(tx)?;
            assert_eq!(
                open.iter().map(|one| one.same).collect::<Vec<_>>(),
                [Some(true), Some(false)]
            );
            show(tx, 1, &dog())?;
            assert_eq!(by_id(tx, 1)?.unwrap().same, None, "a word on something else");
            Ok(())
        })
        .await;
    }

    #[tokio::test]
    async fn those_under_way_are_bounded_and_end_with_the_process() {
        in_store(|tx| {
            for flow in ["a", "b", "c", "d"] {
                assert!(begin(tx, Role::Approver, "@ann:hs", "DEV", flow)?);
            }
            assert!(!begin(tx, Role::Approver, "@ann:hs", "DEV", "e")?);
            end(tx, 2, "verified")?;
            clear(tx, "restarted")?;
            assert_eq!(open(tx)?, []);
            assert_eq!(by_id(tx, 2)?.unwrap().ended.as_deref(), Some("verified"));
            assert_eq!(last(tx)?.unwrap().ended.as_deref(), Some("restarted"));
            Ok(())
        })
        .await;
    }
}
