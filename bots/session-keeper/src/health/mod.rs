//! How an account is: the board that its supervisor writes and everybody reads.

use std::{collections::BTreeMap, sync::Arc, time::SystemTime};

use matrix_sdk::ruma::{OwnedDeviceId, OwnedUserId};
use serde::Serialize;
use tokio::sync::watch;

/// How an identity is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It serves.
    Ok,
    /// It does not serve yet, or not now; it works on that by itself.
    Healing,
    /// It cannot heal without the operator; `next_step` says what to do.
    NeedsOperator,
}

/// Something that works, but weaker than it should.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Degraded {
    /// What is weaker.
    pub what: String,
    /// What cures it.
    pub cure: String,
}

/// What is known of one account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdentityHealth {
    /// How it is.
    pub state: Health,
    /// Since when `state` has been so.
    #[serde(serialize_with = "unix_seconds")]
    pub since: SystemTime,
    /// Why, in one line.
    pub why: String,
    /// Until when it waits, where it waits for a while; it may go on before, where what it waits for comes sooner.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_unix_seconds")]
    pub until: Option<SystemTime>,
    /// What the operator should do next, exactly.
    pub next_step: Option<String>,
    /// The Matrix user, once known.
    pub user_id: Option<OwnedUserId>,
    /// The device, once known.
    pub device_id: Option<OwnedDeviceId>,
    /// What is weaker than it should be, each with its cure.
    pub degraded: Vec<Degraded>,
}

impl IdentityHealth {
    /// A health of the given state that began now.
    pub fn now(state: Health, why: impl Into<String>) -> Self {
        Self {
            state,
            since: SystemTime::now(),
            why: why.into(),
            until: None,
            next_step: None,
            user_id: None,
            device_id: None,
            degraded: Vec::new(),
        }
    }
}

/// The board itself: cheap to clone, all clones show the same.
#[derive(Clone, Debug)]
pub struct Board {
    state: Arc<watch::Sender<State>>,
    shown: Arc<watch::Sender<IdentityHealth>>,
}

#[derive(Clone, Debug)]
struct State {
    health: IdentityHealth,
    notes: BTreeMap<String, Degraded>,
}

impl State {
    fn shown(&self) -> IdentityHealth {
        let mut health = self.health.clone();
        health.degraded.extend(self.notes.values().cloned());
        health
    }
}

impl Default for Board {
    /// A board of an account that is healing: nothing has been tried yet.
    fn default() -> Self {
        let state = State {
            health: IdentityHealth::now(Health::Healing, "starting"),
            notes: BTreeMap::new(),
        };
        let shown = state.shown();
        Self {
            state: Arc::new(watch::Sender::new(state)),
            shown: Arc::new(watch::Sender::new(shown)),
        }
    }
}

impl Board {
    /// Replaces what is known of the account. `since` is kept while the state stays the same; notes stay.
    pub fn set(&self, mut health: IdentityHealth) {
        self.change(|state| {
            if state.health.state == health.state {
                health.since = state.health.since;
            }
            state.health = health;
        });
    }

    /// Puts up (`Some`) or takes down (`None`) a note on what is weaker, under a key of the caller's.
    pub fn note(&self, key: impl Into<String>, note: Option<Degraded>) {
        let key = key.into();
        self.change(|state| match note {
            Some(note) => {
                state.notes.insert(key, note);
            }
            None => {
                state.notes.remove(&key);
            }
        });
    }

    /// What is known now, notes included in `degraded`.
    pub fn snapshot(&self) -> IdentityHealth {
        self.shown.borrow().clone()
    }

    /// To wait for changes.
    pub fn subscribe(&self) -> watch::Receiver<IdentityHealth> {
        self.shown.subscribe()
    }

    fn change(&self, edit: impl FnOnce(&mut State)) {
        self.state.send_modify(|state| {
            edit(state);
            let now = state.shown();
            // Inside the lock of `state`, so that a later change is never overtaken by an earlier one.
            self.shown.send_if_modified(|shown| {
                let changed = *shown != now;
                *shown = now;
                changed
            });
        });
    }
}

fn maybe_unix_seconds<S: serde::Serializer>(time: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match time {
        Some(time) => unix_seconds(time, serializer),
        None => serializer.serialize_none(),
    }
}

fn unix_seconds<S: serde::Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs());
    serializer.serialize_u64(seconds)
}
