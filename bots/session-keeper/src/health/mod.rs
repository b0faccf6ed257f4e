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
#[non_exhaustive]
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
    blockers: BTreeMap<String, (Degraded, SystemTime)>,
}

impl State {
    fn shown(&self) -> IdentityHealth {
        let mut health = self.health.clone();
        let blockers: Vec<Degraded> = self.blockers.values().map(|(blocker, _)| blocker.clone()).collect();
        let joined = |part: fn(&Degraded) -> &str| blockers.iter().map(part).collect::<Vec<_>>().join("; ");
        let since = self.blockers.values().map(|(_, since)| *since).min();
        if let Some(since) = since.filter(|_| health.state == Health::Ok) {
            health.state = Health::NeedsOperator;
            health.since = since;
            health.why = joined(|blocker| &blocker.what);
            health.next_step = Some(joined(|blocker| &blocker.cure));
        }
        health.degraded.extend(blockers);
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
            blockers: BTreeMap::new(),
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
            Some(note) => drop(state.notes.insert(key, note)),
            None => drop(state.notes.remove(&key)),
        });
    }

    /// Puts up (`Some`) or takes down (`None`) what keeps an account from its work although it lives. While one is up, an
    /// account that is well otherwise is shown as in need of its operator.
    pub fn block(&self, key: impl Into<String>, blocker: Option<Degraded>) {
        let key = key.into();
        self.change(|state| match blocker {
            Some(blocker) => {
                let before = state.blockers.get(&key);
                let since = before.map_or_else(SystemTime::now, |(_, since)| *since);
                state.blockers.insert(key, (blocker, since));
            }
            None => drop(state.blockers.remove(&key)),
        });
    }

    /// What was said of the account itself, without notes and blockers.
    pub fn said(&self) -> IdentityHealth {
        self.state.borrow().health.clone()
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

#[cfg(test)]
mod tests {
    use super::*;

    fn degraded(what: &str) -> Degraded {
        Degraded {
            what: what.to_owned(),
            cure: format!("mend {what}"),
        }
    }

    #[test]
    fn a_blocker_is_said_until_it_is_taken_down_and_notes_leave_the_state_alone() {
        let board = Board::default();
        board.set(IdentityHealth::now(Health::Ok, "serving"));
        board.note("weak", Some(degraded("the backup")));
        assert_eq!(board.snapshot().state, Health::Ok);
        board.block("room !a:x".to_owned(), Some(degraded("the power")));
        let blocked = board.snapshot();
        assert_eq!(
            (blocked.state, blocked.why.as_str()),
            (Health::NeedsOperator, "the power")
        );
        assert_eq!(blocked.next_step.as_deref(), Some("mend the power"));
        assert_eq!(blocked.degraded, [degraded("the power"), degraded("the backup")]);
        assert_eq!(board.said().state, Health::Ok);
        board.block("room !a:x", None);
        assert_eq!(board.snapshot().state, Health::Ok);
        assert_eq!(board.snapshot().why, "serving");
    }

    #[test]
    fn an_account_that_heals_says_so_whatever_else_is_wrong() {
        let board = Board::default();
        board.block("room", Some(degraded("the room")));
        assert_eq!(board.snapshot().state, Health::Healing);
        assert_eq!(board.snapshot().degraded, [degraded("the room")]);
    }
}
