//! The old approver's files, taken over once and never changed.
//!
//! Tokens, device ids and key escrows are the identities' business; here are codes, rooms and announcements. Old open
//! rooms go on. What the old approver announced, or closed, is never announced again; an open lobby that it did not get
//! round to announcing is announced once.

use std::{
    collections::BTreeMap,
    io,
    path::Path,
    time::{Duration, UNIX_EPOCH},
};

use rusqlite::{Transaction, params};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::json;

use crate::{
    config::{FlowConfig, Role},
    flows,
    storage::{
        Store, StoreError, audit,
        codes::{self, Code, Kind},
        facts, now_ms,
        queue::{self, Queue},
    },
    vault::{TextError, decode},
    work::Step,
};

const DONE: &str = "imported";

/// Why the old files could not be taken over. Nothing of them was.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// A file cannot be read.
    #[error("cannot read {file}: {source}; let this process read it, or move it away if what it holds is not needed")]
    Io {
        /// Its name.
        file: &'static str,
        /// What came back.
        source: io::Error,
    },
    /// A file is no text.
    #[error("{file} is no text ({source}); repair it or move it away")]
    Text {
        /// Its name.
        file: &'static str,
        /// Why not.
        source: TextError,
    },
    /// A file has another shape. The text is not repeated: it holds codes.
    #[error("{file} is not as the old approver wrote it (line {line} column {column}); repair it or move it away")]
    Shape {
        /// Its name.
        file: &'static str,
        /// Where.
        line: usize,
        /// Where.
        column: usize,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How much was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Codes of both kinds.
    pub codes: usize,
    /// Vetting rooms, closed ones included.
    pub vettings: usize,
    /// Lobbies, closed ones included.
    pub lobbies: usize,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OldCode {
    #[serde(deserialize_with = "or_none")]
    uses_remaining: Count,
    label: Option<String>,
    inviter: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OldVetting {
    #[serde(deserialize_with = "or_none")]
    mxid: String,
    #[serde(deserialize_with = "or_none")]
    code: String,
    #[serde(deserialize_with = "or_none")]
    created: f64,
    title: Option<String>,
    keyword: Option<String>,
    tries_left: Option<Count>,
    #[serde(deserialize_with = "or_none")]
    promoted: bool,
    #[serde(deserialize_with = "or_none")]
    closed: bool,
    displayname: Option<String>,
    promoted_at: Option<f64>,
    closed_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OldLobby {
    #[serde(deserialize_with = "or_none")]
    alias: String,
    #[serde(deserialize_with = "or_none")]
    code: String,
    #[serde(deserialize_with = "or_none")]
    created: f64,
    #[serde(deserialize_with = "or_none")]
    title: String,
    #[serde(deserialize_with = "or_none")]
    keyword: String,
    #[serde(deserialize_with = "or_none")]
    challenged: Vec<String>,
    #[serde(deserialize_with = "or_none")]
    tries: BTreeMap<String, Option<Count>>,
    #[serde(deserialize_with = "or_none")]
    displaynames: BTreeMap<String, Option<String>>,
    #[serde(deserialize_with = "or_none")]
    challenge_sent_ts: BTreeMap<String, Option<f64>>,
    #[serde(deserialize_with = "or_none")]
    challenge_resends: BTreeMap<String, Option<Count>>,
    #[serde(deserialize_with = "or_none")]
    promoted: bool,
    #[serde(deserialize_with = "or_none")]
    closed: bool,
    promoted_at: Option<f64>,
    promoted_user: Option<String>,
    closed_reason: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OldAnnounced {
    #[serde(deserialize_with = "or_none")]
    started: Vec<String>,
    #[serde(deserialize_with = "or_none")]
    failed: bool,
}

/// The old approver wrote `null` where it had nothing.
fn or_none<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// How many there are: what the old approver had counted below nothing is nothing.
#[derive(Clone, Copy, Default, Deserialize)]
#[serde(from = "f64")]
struct Count(u32);

impl From<f64> for Count {
    fn from(number: f64) -> Self {
        // Saturating at both ends.
        Self(number as u32)
    }
}

/// When a file was written last, in Unix milliseconds by the clock of the machine that wrote it, which dated all that is in it; now where
/// that is not known.
fn written(dir: &Path, file: &str) -> i64 {
    let time = std::fs::metadata(dir.join(file)).and_then(|found| found.modified());
    let since = time.ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    since.map_or_else(now_ms, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

/// When something is due that began at `created` and may take `timeout`, where the old approver was last there at `written`. Both are told
/// by a clock that need not be this one, and nobody was heard since: so only what is left of the wait counts.
fn due(created: i64, written: i64, timeout: Duration) -> i64 {
    let timeout = i64::try_from(timeout.as_millis()).unwrap_or(i64::MAX);
    let waited = written.saturating_sub(created).max(0);
    now_ms().saturating_add(timeout.saturating_sub(waited).max(0))
}

struct Old {
    codes: BTreeMap<String, OldCode>,
    signup_codes: BTreeMap<String, OldCode>,
    vettings: BTreeMap<String, OldVetting>,
    vettings_written: i64,
    lobbies: BTreeMap<String, OldLobby>,
    lobbies_written: i64,
    announced: BTreeMap<String, OldAnnounced>,
}

fn read<T: DeserializeOwned + Default>(dir: &Path, file: &'static str) -> Result<T, ImportError> {
    let bytes = match std::fs::read(dir.join(file)) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(T::default()),
        Err(source) => return Err(ImportError::Io { file, source }),
    };
    let text = decode(&bytes).map_err(|source| ImportError::Text { file, source })?;
    serde_json::from_str(&text).map_err(|error| ImportError::Shape {
        file,
        line: error.line(),
        column: error.column(),
    })
}

fn ms(seconds: f64) -> i64 {
    // Saturating, and far within range for any real time.
    (seconds * 1000.0) as i64
}

/// Takes the old files of a data directory over, unless that was done; `None` then.
pub async fn import(store: &Store, dir: &Path, flow: &FlowConfig) -> Result<Option<Imported>, ImportError> {
    // Once it is done, the files are nobody's any more: what becomes of them stops no start.
    if store.run(|tx| facts::value(tx, DONE)).await?.is_some() {
        return Ok(None);
    }
    let old = Old {
        codes: read(dir, "codes.json")?,
        signup_codes: read(dir, "signup_codes.json")?,
        vettings: read(dir, "vetting.json")?,
        vettings_written: written(dir, "vetting.json"),
        lobbies: read(dir, "lobby.json")?,
        lobbies_written: written(dir, "lobby.json"),
        announced: read(dir, "operator_announce.json")?,
    };
    let flow = flow.clone();
    let imported = store.run(move |tx| {
        if facts::value(tx, DONE)?.is_some() {
            return Ok(None);
        }
        let imported = keep(tx, &old, &flow)?;
        facts::set_value(tx, DONE, "1")?;
        let counts = json!({ "codes": imported.codes, "vettings": imported.vettings, "lobbies": imported.lobbies });
        audit::write(tx, "imported", &counts)?;
        Ok::<_, StoreError>(Some(imported))
    });
    Ok(imported.await?)
}

fn keep(tx: &Transaction<'_>, old: &Old, flow: &FlowConfig) -> Result<Imported, StoreError> {
    let mut imported = Imported::default();
    for (kind, codes) in [(Kind::Knock, &old.codes), (Kind::Signup, &old.signup_codes)] {
        for (code, entry) in codes {
            let code = Code {
                code: code.clone(),
                kind,
                label: entry.label.clone().unwrap_or_default(),
                inviter: entry.inviter.clone(),
                uses_remaining: entry.uses_remaining.0,
            };
            imported.codes += usize::from(codes::add(tx, &code)?);
        }
    }
    for (room, vetting) in &old.vettings {
        keep_vetting(tx, room, vetting, old.vettings_written, flow)?;
        imported.vettings += 1;
    }
    for (room, lobby) in &old.lobbies {
        keep_lobby(tx, room, (lobby, old.lobbies_written), old.announced.get(room), flow)?;
        imported.lobbies += 1;
    }
    Ok(imported)
}

fn keep_vetting(
    tx: &Transaction<'_>,
    room: &str,
    old: &OldVetting,
    written: i64,
    flow: &FlowConfig,
) -> Result<(), StoreError> {
    let created = ms(old.created);
    let promoted = old.promoted.then(|| old.promoted_at.map_or(created, ms));
    let closed = (old.closed || old.promoted).then_some(created);
    let new = tx.execute(
        "INSERT OR IGNORE INTO vetting
         (mxid, code, room_id, title, keyword, tries_left, display_name, created, promoted, closed, closed_reason)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            old.mxid,
            old.code,
            room,
            old.title,
            old.keyword,
            old.tries_left.map_or(flow.vetting_tries, |left| left.0),
            old.displayname,
            created,
            promoted,
            closed,
            old.closed_reason
        ],
    )?;
    if new == 1 && closed.is_none() {
        let id = tx.last_insert_rowid();
        let due = due(created, written, flow.vetting_timeout);
        let (key, lane) = (format!("vetting:{id}:timeout"), format!("vetting:{id}"));
        queue::put(tx, Queue::Inbox, &key, &lane, &Step::VettingTimeout { id }, due)?;
    }
    Ok(())
}

fn keep_lobby(
    tx: &Transaction<'_>,
    room: &str,
    (old, written): (&OldLobby, i64),
    announced: Option<&OldAnnounced>,
    flow: &FlowConfig,
) -> Result<(), StoreError> {
    let created = ms(old.created);
    let promoted = old.promoted.then(|| old.promoted_at.map_or(created, ms));
    let closed = (old.closed || old.promoted).then_some(created);
    let new = tx.execute(
        "INSERT OR IGNORE INTO lobby
         (role, room_id, alias, code, title, keyword, created, promoted, promoted_user, closed, closed_reason)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        params![
            Role::Onboarding.name(),
            room,
            old.alias,
            old.code,
            old.title,
            old.keyword,
            created,
            promoted,
            old.promoted_user,
            closed,
            old.closed_reason
        ],
    )?;
    // Known already: the fact that the import was done is forgotten, and what became of the lobby since is in its row.
    if new == 0 {
        return Ok(());
    }
    let id = tx.last_insert_rowid();
    keep_challenged(tx, (id, room), old, announced, flow)?;
    if closed.is_some() || announced.is_some_and(|announced| announced.failed) {
        facts::announce(tx, &flows::news(room, "failed"))?;
    }
    if closed.is_some() {
        return Ok(());
    }
    let due = due(created, written, flow.lobby_timeout);
    let step = Step::LobbyTimeout { id };
    queue::put(tx, Queue::Inbox, &format!("lobby:{id}:timeout"), room, &step, due)?;
    Ok(())
}

/// Those who were asked in a lobby, and what is still to be told of them.
fn keep_challenged(
    tx: &Transaction<'_>,
    (id, room): (i64, &str),
    old: &OldLobby,
    announced: Option<&OldAnnounced>,
    flow: &FlowConfig,
) -> Result<(), StoreError> {
    let (created, is_closed) = (ms(old.created), old.closed || old.promoted);
    for user in &old.challenged {
        let sent = old.challenge_sent_ts.get(user).copied().flatten().map_or(created, ms);
        let tries = old.tries.get(user).copied().flatten().unwrap_or_default().0;
        let resends = old.challenge_resends.get(user).copied().flatten().unwrap_or_default().0;
        let name = old.displaynames.get(user).and_then(Option::as_deref);
        tx.execute(
            "INSERT OR IGNORE INTO lobby_user (lobby, mxid, tries, display_name, challenged, resends, answered)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![id, user, tries, name, sent, resends, tries > 0],
        )?;
        let is_old_news = is_closed || announced.is_some_and(|announced| announced.started.contains(user));
        if is_old_news {
            facts::announce(tx, &flows::news(room, &format!("started:{user}")))?;
        } else {
            flows::announce_started(tx, flow, room, (user, name), &old.code, created)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
