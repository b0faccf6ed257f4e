//! Codes and their uses.

use rand::{Rng, distr::slice::Choose};
use rusqlite::{OptionalExtension, Row, Transaction, params};
use serde::Serialize;

use super::{StoreError, now_ms};

/// What a code opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A knock on the space, and the lobby.
    Knock,
    /// A new account.
    Signup,
}

impl Kind {
    /// The word in commands, links and the database.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Knock => "knock",
            Self::Signup => "signup",
        }
    }
}

/// One code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Code {
    /// The code itself.
    pub code: String,
    /// What it opens.
    pub kind: Kind,
    /// What it is for.
    pub label: String,
    /// Whom the accounts made with it get a direct chat with.
    pub inviter: Option<String>,
    /// How often it may still be used.
    pub uses_remaining: u32,
}

/// Letters and digits that nobody mistakes for one another.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";

/// A new code: 12 characters, 59 bits.
pub fn fresh() -> String {
    random_name(12)
}

/// A random name of the given length that is easy to read out.
pub fn random_name(length: usize) -> String {
    match Choose::new(ALPHABET) {
        Ok(letters) => rand::rng()
            .sample_iter(letters)
            .take(length)
            .map(|byte| char::from(*byte))
            .collect(),
        Err(_) => String::new(),
    }
}

/// Adds a code unless it is known already, revoked ones included; answers whether it did.
pub fn add(tx: &Transaction<'_>, code: &Code) -> Result<bool, StoreError> {
    let added = tx.execute(
        "INSERT OR IGNORE INTO code (code, kind, label, inviter, uses_remaining, created) VALUES (?, ?, ?, ?, ?, ?)",
        params![
            code.code,
            code.kind.name(),
            code.label,
            code.inviter,
            code.uses_remaining,
            now_ms()
        ],
    )?;
    Ok(added == 1)
}

/// Mints a new code.
pub fn mint(tx: &Transaction<'_>, kind: Kind, uses: u32, label: &str) -> Result<Code, StoreError> {
    let code = Code {
        code: fresh(),
        kind,
        label: label.to_owned(),
        inviter: None,
        uses_remaining: uses,
    };
    add(tx, &code)?;
    Ok(code)
}

/// Takes one use; `None` where the code is unknown, revoked, of another kind or used up.
pub fn take(tx: &Transaction<'_>, kind: Kind, code: &str) -> Result<Option<Code>, StoreError> {
    let taken = tx
        .query_row(
            "UPDATE code SET uses_remaining = uses_remaining - 1
             WHERE code = ? AND kind = ? AND uses_remaining > 0 AND revoked = 0
             RETURNING code, kind, label, inviter, uses_remaining",
            params![code, kind.name()],
            read,
        )
        .optional()?;
    Ok(taken)
}

/// Whether a code of this kind can be used.
pub fn is_live(tx: &Transaction<'_>, kind: Kind, code: &str) -> Result<bool, StoreError> {
    Ok(tx.query_row(
        "SELECT EXISTS (SELECT 1 FROM code WHERE code = ? AND kind = ? AND uses_remaining > 0 AND revoked = 0)",
        params![code, kind.name()],
        |row| row.get(0),
    )?)
}

/// A code as it stands, also one that is used up or revoked.
pub fn known(tx: &Transaction<'_>, kind: Kind, code: &str) -> Result<Option<Code>, StoreError> {
    let known = tx
        .query_row(
            "SELECT code, kind, label, inviter, uses_remaining FROM code WHERE code = ? AND kind = ?",
            params![code, kind.name()],
            read,
        )
        .optional()?;
    Ok(known)
}

/// Gives back one use that was taken, since what it was taken for failed.
pub fn give_back(tx: &Transaction<'_>, code: &str) -> Result<(), StoreError> {
    tx.execute(
        "UPDATE code SET uses_remaining = uses_remaining + 1 WHERE code = ?",
        [code],
    )?;
    Ok(())
}

/// Ends a code; answers whether there was one to end.
pub fn revoke(tx: &Transaction<'_>, code: &str) -> Result<bool, StoreError> {
    let revoked = tx.execute("UPDATE code SET revoked = 1 WHERE code = ? AND revoked = 0", [code])?;
    Ok(revoked == 1)
}

/// Every code that can still be used, oldest first.
pub fn live(tx: &Transaction<'_>) -> Result<Vec<Code>, StoreError> {
    let mut query = tx.prepare(
        "SELECT code, kind, label, inviter, uses_remaining FROM code
         WHERE uses_remaining > 0 AND revoked = 0 ORDER BY created, rowid",
    )?;
    let codes = query.query_map([], read)?.collect::<Result<_, _>>()?;
    Ok(codes)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Code> {
    let kind: String = row.get("kind")?;
    Ok(Code {
        code: row.get("code")?,
        kind: if kind == "signup" { Kind::Signup } else { Kind::Knock },
        label: row.get("label")?,
        inviter: row.get("inviter")?,
        uses_remaining: row.get("uses_remaining")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::Store;

    fn code(code: &str, kind: Kind, uses: u32) -> Code {
        Code {
            code: code.to_owned(),
            kind,
            label: String::new(),
            inviter: None,
            uses_remaining: uses,
        }
    }

    async fn store_with(entry: Code) -> (tempfile::TempDir, Store) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        store.run(move |tx| add(tx, &entry)).await.unwrap();
        (dir, store)
    }

    #[tokio::test]
    async fn fifty_uses_serve_exactly_fifty_of_two_hundred_takers_at_once() {
        let (_dir, store) = store_with(code("many", Kind::Knock, 50)).await;
        let takers = (0..200).map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.run(|tx| take(tx, Kind::Knock, "many")).await.unwrap().is_some() })
        });
        let served = futures_util::future::join_all(takers).await;
        assert_eq!(
            served.into_iter().filter(|served| *served.as_ref().unwrap()).count(),
            50
        );
    }

    #[tokio::test]
    async fn a_use_given_back_can_be_taken_again() {
        let (_dir, store) = store_with(code("one", Kind::Signup, 1)).await;
        let tries = store
            .run(|tx| {
                let first = take(tx, Kind::Signup, "one")?;
                let second = take(tx, Kind::Signup, "one")?;
                give_back(tx, "one")?;
                let third = take(tx, Kind::Signup, "one")?;
                Ok::<_, StoreError>([first.is_some(), second.is_some(), third.is_some()])
            })
            .await
            .unwrap();
        assert_eq!(tries, [true, false, true]);
    }

    #[tokio::test]
    async fn a_code_of_the_other_kind_or_revoked_opens_nothing_and_stays_known() {
        let (_dir, store) = store_with(code("one", Kind::Signup, 1)).await;
        store
            .run(|tx| {
                assert_eq!(take(tx, Kind::Knock, "one")?, None);
                assert!(revoke(tx, "one")?);
                assert!(!revoke(tx, "one")?);
                assert_eq!(take(tx, Kind::Signup, "one")?, None);
                assert!(
                    !add(tx, &code("one", Kind::Signup, 9))?,
                    "a revoked code is not revived by the environment"
                );
                assert!(live(tx)?.is_empty());
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
    }

    #[tokio::test]
    async fn an_error_inside_a_transaction_keeps_nothing_of_it() {
        let (_dir, store) = store_with(code("one", Kind::Signup, 1)).await;
        let failed: Result<(), StoreError> = store
            .run(|tx| {
                take(tx, Kind::Signup, "one")?;
                Err(StoreError::Closed)
            })
            .await;
        assert!(failed.is_err());
        let left = store.run(live).await.unwrap();
        assert_eq!(left[0].uses_remaining, 1);
    }
}
