//! Works off the outbox.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rusqlite::Transaction;
use serde_json::json;
use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::{
    attempt::Outcome,
    hold::{self, Hold},
};
use crate::{
    breaker::{Admission, Breaker, Scope},
    config::{Config, Role},
    health::{Board, Degraded},
    lanes::{Failing, WorkError, Worker},
    matrix::{Failure, Homeserver},
    metrics::Metrics,
    outcome::{Invited, Made, Purpose},
    storage::{
        Store, StoreError, audit, facts, lobby, now_ms,
        queue::{self, Entry, Queue},
        vetting,
    },
    work::{self, Effect, Outgoing, Step, awaited},
};

/// Does the effects.
#[derive(Debug)]
pub struct Sender {
    pub(super) config: Arc<Config>,
    pub(super) store: Store,
    pub(super) homeserver: Arc<dyn Homeserver>,
    breaker: Arc<Breaker>,
    board: Board,
    metrics: Metrics,
    failing: Failing,
    /// What the breaker is open for, and until when.
    open: Mutex<HashMap<Scope, (Role, Instant)>>,
    opened: Notify,
    /// What is said on the board of held effects.
    said: Mutex<BTreeSet<(Role, String)>>,
    /// The effects up to this number are an earlier process's. Where a copy of the database was put back, they may be done.
    inherited: i64,
    /// Until when an account that waits for a person is left alone.
    barred: Mutex<HashMap<Role, Instant>>,
}

#[async_trait]
impl Worker for Sender {
    async fn work(&self, entry: Entry) -> Result<(), WorkError> {
        let (id, began) = (entry.id, Instant::now());
        let outgoing = entry.read::<Outgoing>();
        let matter = outgoing
            .as_ref()
            .map_or((Role::Approver, "reading what is to be done"), |outgoing| {
                (outgoing.role, outgoing.effect.words())
            });
        let result = match outgoing {
            Ok(outgoing) => self.work_on(entry, outgoing).await,
            Err(error) => Err(error.into()),
        };
        self.failing.tried(id, matter, began, &result);
        result
    }
}

impl Sender {
    async fn work_on(&self, entry: Entry, outgoing: Outgoing) -> Result<(), WorkError> {
        let role = outgoing.role;
        if let Some(rest) = self.rest_of(role) {
            let due = in_ms(rest);
            let cause = hold::account(role);
            return Ok(self.store.run(move |tx| queue::hold(tx, entry.id, &cause, due)).await?);
        }
        let now = Instant::now();
        if let Effect::Message { room, .. } = &outgoing.effect
            && !self.admitted(&entry, role, room, now).await?
        {
            return Ok(());
        }
        let outcome = self.tried(role, &entry, &outgoing.effect).await;
        if let Effect::Message { room, .. } = &outgoing.effect
            && !matches!(outcome, Ok(Outcome::Sent(_)))
        {
            self.breaker.unsent(role, room, now);
        }
        match outcome? {
            Outcome::Held(hold) => self.hold(entry, role, hold).await?,
            outcome => self.settle(entry, outgoing, outcome).await?,
        }
        Ok(())
    }

    /// A sender over these parts.
    pub async fn new(
        config: Arc<Config>,
        store: Store,
        homeserver: Arc<dyn Homeserver>,
        breaker: Arc<Breaker>,
        board: Board,
        metrics: Metrics,
    ) -> Result<Self, StoreError> {
        // What was waited for may be cured, and otherwise has to be said again.
        let inherited = store.run(|tx| {
            queue::wake_all(tx)?;
            queue::last_effect(tx)
        });
        Ok(Self {
            inherited: inherited.await?,
            config,
            store,
            homeserver,
            breaker,
            failing: Failing::new(board.clone()),
            board,
            metrics,
            open: Mutex::default(),
            opened: Notify::default(),
            said: Mutex::default(),
            barred: Mutex::default(),
        })
    }

    /// Whether an earlier process decided on the effect.
    pub(super) const fn is_inherited(&self, entry: &Entry) -> bool {
        entry.id <= self.inherited
    }

    /// An attempt, and what is made of its failure.
    async fn tried(&self, role: Role, entry: &Entry, effect: &Effect) -> Result<Outcome, WorkError> {
        match self.attempt(role, entry, effect).await {
            Err(Failure::Refused(no)) => {
                // An old room may be the other identity's, which only the homeserver knows.
                if no.is_of_room()
                    && effect.is_in_own_room()
                    && let Some(other) = self.homeserver.other(role)
                {
                    match self.attempt(other, entry, effect).await {
                        Err(Failure::Refused(_)) => {}
                        outcome => return Ok(outcome?),
                    }
                }
                Ok(self.judged(role, entry, effect, no).await?)
            }
            Err(Failure::Limited { wait }) => Ok(Outcome::Held(hold::of_limit(role, effect.kind(), wait))),
            Err(Failure::UnknownRoom) => match self.unknown_room(role, effect).await? {
                Some(outcome) => Ok(outcome),
                None => Err(Failure::UnknownRoom.into()),
            },
            outcome => Ok(outcome?),
        }
    }

    /// Asks the breaker; where it is open, the message is moved to the time when it may close.
    async fn admitted(
        &self,
        entry: &Entry,
        role: Role,
        room: &matrix_sdk::ruma::RoomId,
        now: Instant,
    ) -> Result<bool, StoreError> {
        if work::is_news(&entry.lane)
            && let Some(wait) = self.breaker.news_wait(role, room, now)
        {
            self.put_off(entry, wait).await?;
            return Ok(false);
        }
        match self.breaker.admit(role, room, now) {
            Admission::Go { closed } => {
                for scope in closed {
                    self.open().remove(&scope);
                    self.board.weaker(role, breaker_key(&scope), None);
                    tracing::info!(scope = scope.words(), "the circuit breaker is closed again");
                }
                Ok(true)
            }
            Admission::Wait { scope, wait, opened } => {
                if opened {
                    self.breaker_opened(role, &scope, wait);
                }
                self.put_off(entry, wait).await?;
                Ok(false)
            }
        }
    }

    async fn put_off(&self, entry: &Entry, wait: Duration) -> Result<(), StoreError> {
        let (id, due) = (entry.id, in_ms(wait));
        self.store
            .run(move |tx| queue::postpone(tx, Queue::Outbox, id, due))
            .await
    }

    fn breaker_opened(&self, role: Role, scope: &Scope, wait: Duration) {
        self.metrics.count("breaker", "opened");
        tracing::error!(
            messages = self.config.breaker.messages,
            window = ?self.config.breaker.window,
            scope = scope.words(),
            "the circuit breaker opened: more messages than a window may have; nothing is sent there until it closes"
        );
        let told = Degraded {
            what: format!(
                "the circuit breaker is open: too many messages {} in a short time; those that wait are sent later",
                scope.words()
            ),
            cure: format!(
                "look in the log for what loops; it closes by itself {} s after it opened",
                wait.as_secs().max(1)
            ),
        };
        self.board.weaker(role, breaker_key(scope), Some(told));
        self.open().insert(scope.clone(), (role, Instant::now() + wait));
        self.opened.notify_one();
    }

    fn open(&self) -> MutexGuard<'_, HashMap<Scope, (Role, Instant)>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the notes on the breaker down as it closes. No message need be left that would find out: where it was to be sent, nothing may
    /// be sent any more. Never ends.
    pub async fn watch_breaker(&self) {
        loop {
            let next = self.open().values().map(|(_, until)| *until).min();
            let close = async {
                match next {
                    Some(until) => sleep_until(until).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.opened.notified() => {}
                () = close => self.open().retain(|scope, (role, until)| {
                    let is_due = *until <= Instant::now();
                    // It may have opened once more, which is written down in a moment.
                    if is_due && !self.breaker.is_open_for(scope) {
                        self.board.weaker(*role, breaker_key(scope), None);
                    }
                    !is_due
                }),
            }
        }
    }

    /// For how long an account that waits for a person is still left alone. One effect at a time finds out.
    fn rest_of(&self, role: Role) -> Option<Duration> {
        let mut barred = self.barred.lock().unwrap_or_else(PoisonError::into_inner);
        let until = barred.get_mut(&role)?;
        let now = Instant::now();
        if now < *until {
            return Some(*until - now);
        }
        *until = now + hold::ACCOUNT_PAUSE;
        None
    }

    /// Keeps the effect for later, and says what it waits for.
    async fn hold(&self, entry: Entry, role: Role, hold: Hold) -> Result<(), StoreError> {
        let Hold {
            cause,
            wait,
            blocks,
            told,
        } = hold;
        if cause == hold::account(role) {
            let mut barred = self.barred.lock().unwrap_or_else(PoisonError::into_inner);
            barred.insert(role, Instant::now() + wait);
        }
        tracing::warn!(
            key = entry.key,
            what = told.what,
            cure = told.cure,
            "an effect is kept for later"
        );
        self.metrics.count("held", hold::kind(&cause));
        let is_blocker = blocks && cause == self.config.flow.space.as_str();
        self.tell(role, &cause, told, is_blocker);
        {
            let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            said.insert((role, cause.clone()));
        }
        let due = in_ms(wait);
        self.store.run(move |tx| queue::hold(tx, entry.id, &cause, due)).await?;
        self.review().await
    }

    /// Takes down what nothing waits for any more.
    async fn review(&self) -> Result<(), StoreError> {
        let said: Vec<_> = {
            let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
            said.iter().cloned().collect()
        };
        for (role, cause) in said {
            let asked = cause.clone();
            if !self.store.run(move |tx| queue::any_held(tx, &asked)).await? {
                let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
                said.remove(&(role, cause.clone()));
                self.untell(role, &cause);
            }
        }
        Ok(())
    }

    /// Says what is waited for. As with the monitor: without power in the space nobody is let in at all, anything else is weaker.
    fn tell(&self, role: Role, cause: &str, told: Degraded, is_blocker: bool) {
        self.untell(role, cause);
        match is_blocker {
            true => self.board.block(role, held_key(cause), Some(told)),
            false => self.board.weaker(role, held_key(cause), Some(told)),
        }
    }

    fn untell(&self, role: Role, cause: &str) {
        self.board.weaker(role, held_key(cause), None);
        self.board.block(role, held_key(cause), None);
    }

    /// The account can act again: what waited for that need not wait longer.
    fn unbar(&self, role: Role) -> bool {
        let mut barred = self.barred.lock().unwrap_or_else(PoisonError::into_inner);
        barred.remove(&role).is_some()
    }

    /// Keeps the outcome, and puts what follows from it into the inbox, in one transaction.
    async fn settle(&self, entry: Entry, outgoing: Outgoing, outcome: Outcome) -> Result<(), StoreError> {
        let word = match &outcome {
            Outcome::Refused(no) => {
                tracing::warn!(key = entry.key, %no, "an effect was refused");
                "refused"
            }
            Outcome::Moot(_) => "moot",
            _ => "done",
        };
        let (kind, role) = (outgoing.effect.kind(), outgoing.role);
        let is_done = !matches!(outcome, Outcome::Refused(_) | Outcome::Moot(_));
        let unbarred = is_done && self.unbar(role);
        self.store
            .run(move |tx| {
                if unbarred {
                    queue::wake(tx, &hold::account(role))?;
                }
                if is_done {
                    // One after another, each by the one before: the limit may still hold for the next.
                    queue::wake_first(tx, &hold::limit(role, kind))?;
                }
                if !queue::done(tx, Queue::Outbox, entry.id)? {
                    return Ok(());
                }
                if let Outcome::Refused(no) = &outcome {
                    // Not what was to be said: it may hold codes.
                    let detail = json!({ "key": entry.key, "kind": kind, "errcode": no.word() });
                    audit::write(tx, "effect_refused", &detail)?;
                }
                follow(tx, &entry, outgoing.effect, outcome)
            })
            .await?;
        self.metrics.count(kind, word);
        self.review().await
    }
}

/// What follows from an outcome.
fn follow(tx: &Transaction<'_>, entry: &Entry, effect: Effect, outcome: Outcome) -> Result<(), StoreError> {
    match (effect, outcome) {
        (Effect::Message { .. }, Outcome::Sent(event)) => queue::sent_as(tx, entry.id, event.as_str()),
        (Effect::Invite { room, user, passed }, outcome) => {
            let refused = match outcome {
                Outcome::Refused(no) => Some(no.word()),
                Outcome::Moot(why) => Some(why.to_owned()),
                _ => None,
            };
            if refused.is_none() {
                facts::set_value(tx, &awaited(&room, &user), "")?;
            }
            let Some(passed) = passed else { return Ok(()) };
            let lane = passed.room.to_string();
            let step = Step::Invited(Invited {
                passed: *passed,
                refused,
            });
            queue::put(tx, Queue::Inbox, &format!("invited:{}", entry.key), &lane, &step, 0)?;
            Ok(())
        }
        (Effect::CreateRoom { purpose, .. }, outcome) => {
            let (lane, room) = match outcome {
                Outcome::Room(room) => {
                    match &purpose {
                        Purpose::Vetting { id, .. } => vetting::set_room(tx, *id, room.as_str())?,
                        Purpose::Lobby { id, .. } => lobby::set_room(tx, *id, room.as_str())?,
                    }
                    (room.to_string(), Ok(room))
                }
                Outcome::Refused(no) => (entry.lane.clone(), Err(no.word())),
                Outcome::Moot(why) => (entry.lane.clone(), Err(why.to_owned())),
                Outcome::Done | Outcome::Sent(_) | Outcome::Held(_) => return Ok(()),
            };
            let step = Step::Made(Made { purpose, room });
            queue::put(tx, Queue::Inbox, &format!("made:{}", entry.key), &lane, &step, 0)?;
            Ok(())
        }
        _ => Ok(()),
    }
}

fn in_ms(wait: Duration) -> i64 {
    now_ms().saturating_add(i64::try_from(wait.as_millis()).unwrap_or(i64::MAX))
}

fn held_key(cause: &str) -> String {
    format!("held:{cause}")
}

fn breaker_key(scope: &Scope) -> String {
    format!("breaker:{}", scope.words())
}
