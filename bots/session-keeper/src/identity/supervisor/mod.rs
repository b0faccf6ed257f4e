//! The task that keeps an identity alive.

mod said;

use std::{
    convert::Infallible,
    sync::Arc,
    time::{Duration, SystemTime},
};

use matrix_sdk::ruma::OwnedDeviceId;
use rand::Rng;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Handle, Intake, complaint::blocker_of};
use crate::{
    account::Account,
    config::IdentityConfig,
    crypto::{OpenStores, StandbyStore, StoreError, Stores},
    healing::{Backoff, Blocker, Claim, Class, Expected, HealBlocker, Mark, Refusal},
    health::{Board, Degraded, Health, IdentityHealth},
    session::{Copies, HealOutcome, Healer, Session, describe},
    vault::PasswordState,
};

/// How often the password file is looked at while the operator is waited for.
const PASSWORD_POLL: Duration = Duration::from_millis(250);
/// How often the tokens are looked at meanwhile (a login costs something, a whoami does not): soon at first, then ever
/// more rarely, up to the second.
const TOKEN_RECHECK: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));
/// A server's wish to be left alone is kept for so long at a time: whoever lifts a limit does not tell.
const ASK_AGAIN: Duration = Duration::from_secs(3 * 60);
/// How long it is believed that the account waits for a person, after a call has last met it. What waits to be done meets it again within
/// that; a call that nobody waits for may never be made again.
const BLOCKER_MEMORY: Duration = Duration::from_secs(60);
/// Said where the server asks for patience.
pub(super) const LIMITED: &str = "it limits requests";
/// How long the next generation waits for the users of the last one to let go of its stores.
const RELEASE_PATIENCE: Duration = Duration::from_secs(10);

/// What calls tell the supervisor.
#[derive(Debug)]
pub(super) enum Report {
    /// The token of this generation looks dead.
    LooksDead {
        /// Which generation met it.
        generation: u64,
        /// Where the verdict goes; dropped where a newer generation is there already.
        reply: oneshot::Sender<TokenState>,
    },
    /// The account waits for a person.
    Blocked(Blocker),
    /// A call succeeded after that.
    Works,
}

/// What whoami said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TokenState {
    /// It lives: the error was about something else.
    Alive,
    /// It is dead; a heal begins.
    Dead,
}

/// Why a generation ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Its token is dead.
    DeadToken,
    /// Its client or its stores need a new start.
    Restart,
    /// Another copy of the program serves the account.
    Overtaken,
}

/// A database that opens and is damaged all the same.
#[derive(Debug)]
pub(super) enum Damaged {
    /// That of rooms, of this device.
    Rooms(Stores, OwnedDeviceId),
    /// That of keys, of this device.
    Keys(Stores, OwnedDeviceId),
}

/// One task for one identity.
pub(super) struct Supervisor {
    pub(super) role: Account,
    pub(super) config: IdentityConfig,
    pub(super) healer: Healer,
    pub(super) intake: Arc<dyn Intake>,
    pub(super) reports: mpsc::UnboundedReceiver<Report>,
    pub(super) restarts: Backoff,
    /// A store for the device that may have to take this one's place.
    pub(super) standby: StandbyStore,
    /// What the next generation must not use.
    pub(super) damaged: Option<Damaged>,
    /// What is known of other copies of the program.
    pub(super) copies: Copies,
    /// The copy that began later, and the session that was in use here then.
    pub(super) overtaken: Option<(Claim, Session)>,
    /// The session in use.
    pub(super) serving: Option<Session>,
    board: Board,
    handle: watch::Sender<Option<Handle>>,
    shutdown: CancellationToken,
    generation: u64,
    /// What the account waits for, as calls have met it, and when they last did.
    blocked: Option<(Blocker, Instant)>,
}

impl Supervisor {
    pub(super) fn new(
        config: IdentityConfig,
        healer: Healer,
        intake: Arc<dyn Intake>,
        board: Board,
        handle: watch::Sender<Option<Handle>>,
        reports: mpsc::UnboundedReceiver<Report>,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            role: config.role,
            config,
            healer,
            intake,
            reports,
            restarts: Backoff::default(),
            standby: StandbyStore::default(),
            damaged: None,
            copies: Copies::default(),
            overtaken: None,
            serving: None,
            board,
            handle,
            shutdown,
            generation: 0,
            blocked: None,
        }
    }

    /// Runs until the shutdown. Whatever is under way then is dropped where it stands, as a kill would: everything that
    /// must last is on the disk before it is relied on.
    pub(super) async fn run(mut self) {
        let shutdown = self.shutdown.clone();
        tokio::select! {
            biased;
            () = shutdown.cancelled() => {}
            never = self.keep_alive() => match never {},
        }
        self.retire().await;
        self.say_ended().await;
    }

    async fn keep_alive(&mut self) -> Infallible {
        loop {
            let (session, open_stores) = self.heal().await;
            let end = self.serve(session, open_stores).await;
            self.retire().await;
            match end {
                End::DeadToken => {
                    // An expired token is replaced in a moment: nobody need be told.
                    if !self.healer.can_refresh() {
                        self.say_healing("the token is dead; another one is being made".to_owned());
                    }
                    self.healer.token_died();
                }
                End::Overtaken => self.stand_by().await,
                End::Restart => {
                    let delay = self.restarts.next(Duration::ZERO, chance());
                    sleep(delay).await;
                    self.put_damage_aside();
                }
            }
        }
    }

    /// Only now, when nobody has the database open any more: whoever closes one takes the log of a new one of its name away.
    fn put_damage_aside(&mut self) {
        let done = match self.damaged.take() {
            None => return,
            Some(Damaged::Rooms(stores, device)) => stores.put_rooms_aside(&device),
            Some(Damaged::Keys(stores, device)) => stores.mark_damaged(&device),
        };
        if let Err(error) = done {
            self.say_broken(&error);
        }
    }

    /// Tries until there is a session; what was opened for it meanwhile comes with it.
    async fn heal(&mut self) -> (Session, OpenStores) {
        let mut backoff = Backoff::default();
        let mut recheck = TOKEN_RECHECK.0;
        let mut blocked_before = false;
        // From before the first attempt: what is written during one must not be missed.
        let mut password = self.healer.password_source().state();
        let mut open_stores = self.open_ahead().await;
        loop {
            let attempt = self.healer.attempt().await;
            // What it has tried is known, though it may have been written during the attempt.
            password = self.healer.take_tried_password().or(password);
            if !matches!(attempt, Ok(HealOutcome::Live(_))) {
                // While the operator is waited for the files are theirs: they may bring others.
                open_stores = OpenStores::default();
            }
            match attempt {
                Ok(HealOutcome::Live(session)) => {
                    if blocked_before {
                        Mark::CuredFromOutside.hit(self.role);
                    }
                    self.note_tokens();
                    return (session, open_stores);
                }
                Ok(HealOutcome::Wait(delay, why)) => {
                    let wait = self.say_waiting(&why, delay, &mut backoff);
                    if self.wait_for_operator(wait, &mut password).await {
                        backoff.reset();
                    }
                }
                Ok(HealOutcome::Blocked(heal_blocker)) => {
                    backoff.reset();
                    self.say_blocked(&heal_blocker);
                    let wait = recheck.mul_f64(1.0 + 0.2 * chance());
                    let written = self.wait_for_operator(wait, &mut password).await;
                    blocked_before = !written;
                    recheck = match written {
                        true => TOKEN_RECHECK.0,
                        false => (recheck * 2).min(TOKEN_RECHECK.1),
                    };
                }
                Err(error) => {
                    self.say_broken(&error);
                    sleep(backoff.next(Duration::ZERO, chance())).await;
                }
            }
            self.note_tokens();
        }
    }

    /// The session is most likely to be one on the device of the last one, so its databases are opened meanwhile.
    async fn open_ahead(&self) -> OpenStores {
        let mut open_stores = OpenStores::default();
        if let Err(error) = self.try_open_ahead(&mut open_stores).await {
            tracing::debug!(role = self.role.name(), %error, "nothing is opened ahead");
        }
        open_stores
    }

    async fn try_open_ahead(&self, open_stores: &mut OpenStores) -> Result<(), StoreError> {
        let vault = self.healer.vault();
        let saved = vault.session()?.and_then(|saved| saved.user.zip(saved.device));
        let Some((user, device)) = saved else { return Ok(()) };
        let stores = Stores::new(self.role, &user, vault)?;
        stores.open_ahead(&device, open_stores).await
    }

    /// Makes the session a client that serves, until it ends.
    async fn serve(&mut self, session: Session, open_stores: OpenStores) -> End {
        let proven = match self.prove(session, open_stores).await {
            Ok(proven) => proven,
            Err(end) => return end,
        };
        self.generation += 1;
        let handle = Handle::new(
            proven.client.clone(),
            proven.session.user.clone(),
            proven.session.device.clone(),
            self.generation,
        );
        self.handle.send_replace(Some(handle.clone()));
        self.serving = Some(proven.session.clone());
        tracing::info!(
            role = self.role.name(), user = %handle.user_id, device = %handle.device_id, generation = handle.generation, "live"
        );
        self.sync(&handle, proven).await
    }

    /// Whether the token is really of no use: what an error code says counts only if whoami agrees. `Some` where the
    /// generation ends for it.
    pub(super) async fn end_of_token(&mut self, session: &Session) -> Option<End> {
        let expected = Expected::User(session.user.clone());
        let mut backoff = Backoff::default();
        let mut password = self.healer.password_source().state();
        loop {
            let (delay, why) = match self.healer.ask_whoami(&session.token, &expected).await {
                Class::Alive { .. } => {
                    Mark::TokenAliveAfterAll.hit(self.role);
                    return None;
                }
                // The heal says what it is, and waits until it is over.
                Class::WayBroken(_) | Class::Blocked(_) => return Some(End::Restart),
                Class::Limited(delay) => (delay, LIMITED.to_owned()),
                class @ (Class::Unreachable(_) | Class::Redirected(_) | Class::Other { .. }) => {
                    (Duration::ZERO, describe(&class))
                }
                _ => return Some(End::DeadToken),
            };
            let wait = self.say_waiting(&why, delay, &mut backoff);
            if self.wait_for_operator(wait, &mut password).await {
                backoff.reset();
            }
        }
    }

    /// Answers a report; `Some` where it ends this generation.
    pub(super) async fn answer(&mut self, report: Report, handle: &Handle, session: &Session) -> Option<End> {
        match report {
            Report::LooksDead { generation, reply } if generation == handle.generation => {
                if let Some(end) = self.end_of_token(session).await {
                    if end == End::DeadToken {
                        Mark::DeadTokenInCall.hit(self.role);
                    }
                    reply.send(TokenState::Dead).ok();
                    return Some(end);
                }
                reply.send(TokenState::Alive).ok();
            }
            // About a generation that is gone: dropping the reply says that there is another.
            Report::LooksDead { .. } => {}
            Report::Blocked(blocker) => {
                let is_new = self.blocked.as_ref().is_none_or(|(known, _)| *known != blocker);
                let heal_blocker = blocker_of(&blocker);
                if is_new && matches!(heal_blocker, HealBlocker::AccountBlocked(_)) {
                    Mark::Suspended.hit(self.role);
                }
                self.say_blocked(&heal_blocker);
                self.blocked = Some((blocker, Instant::now()));
            }
            Report::Works => self.unblock(handle),
        }
        None
    }

    /// Calls succeed again that were refused because the account waited for a person.
    fn unblock(&mut self, handle: &Handle) {
        if self.blocked.take().is_some() {
            Mark::CuredFromOutside.hit(self.role);
            self.say_serving(handle);
        }
    }

    /// What nobody has met for long is over: the call that met it may never be made again.
    pub(super) fn forget_blocker(&mut self, handle: &Handle) {
        if self
            .blocked
            .as_ref()
            .is_some_and(|(_, met)| met.elapsed() > BLOCKER_MEMORY)
        {
            self.unblock(handle);
        }
    }

    /// Takes the client from its users and waits until they have let go of it: two clients on one store would spoil it.
    async fn retire(&mut self) {
        let Some(handle) = self.handle.send_replace(None) else {
            return;
        };
        handle.ended.cancel();
        let lease = handle.lease();
        drop(handle);
        let deadline = Instant::now() + RELEASE_PATIENCE;
        while lease.strong_count() > 0 {
            if Instant::now() > deadline {
                tracing::warn!(
                    role = self.role.name(),
                    holders = lease.strong_count(),
                    "somebody still holds the client of the last session; going on without waiting for it"
                );
                return;
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the password file is another than the `known` one, but not longer than `wait`; answers whether it is.
    pub(super) async fn wait_for_operator(&mut self, wait: Duration, known: &mut Option<PasswordState>) -> bool {
        let end = Instant::now() + wait;
        let mut last = *known;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            sleep(left.min(PASSWORD_POLL)).await;
            if self.is_password_written(known, &mut last) {
                return true;
            }
        }
    }

    /// Whether the password file is another than the `known` one; `last` is how it was when it was looked at last.
    fn is_password_written(&mut self, known: &mut Option<PasswordState>, last: &mut Option<PasswordState>) -> bool {
        let now = self.healer.password_source().state();
        // The same twice, so that a file which is being written is not taken for a password.
        let is_written = now.is_some() && now != *known && now == *last;
        *last = now;
        if is_written {
            *known = now;
            Mark::PasswordChanged.hit(self.role);
            self.healer.password_changed();
        }
        is_written
    }

    /// Waits for so long, or until there is a new password; calls are answered meanwhile. `Some` where one of them ends
    /// the generation.
    pub(super) async fn pause(&mut self, wait: Duration, handle: &Handle, session: &Session) -> Option<End> {
        let end = Instant::now() + wait;
        let mut known = self.healer.password_source().state();
        let mut last = known;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            tokio::select! {
                biased;
                Some(report) = self.reports.recv() => {
                    if let Some(end) = self.answer(report, handle, session).await {
                        return Some(end);
                    }
                }
                () = sleep(left.min(PASSWORD_POLL)) => {
                    if self.is_password_written(&mut known, &mut last) {
                        return None;
                    }
                }
            }
        }
    }

    /// Says that the homeserver is waited for, why and until when; answers how long to wait. What a server asks for is
    /// kept only so far: a limit may be lifted long before.
    pub(super) fn say_waiting(&self, why: &str, delay: Duration, backoff: &mut Backoff) -> Duration {
        let wait = backoff.next(delay.min(ASK_AGAIN), chance());
        let mut why = format!("waiting for the homeserver: {why}");
        if delay > wait {
            let until = httpdate::fmt_http_date(SystemTime::now() + delay);
            why.push_str(&format!(" until {until} (it is asked again before that)"));
        }
        let mut health = IdentityHealth::now(Health::Healing, why);
        health.until = Some(SystemTime::now() + wait);
        self.say(health);
        wait
    }

    /// Says what a refused request means; answers how long to wait before the next.
    pub(super) fn say_refused(&self, refusal: &Refusal, backoff: &mut Backoff) -> Duration {
        match refusal {
            Refusal::Operator(blocker) if blocker.is_of_account() => {
                self.say_blocked(&HealBlocker::AccountWaits(blocker.clone()));
                backoff.next(Duration::ZERO, chance())
            }
            Refusal::Limited(delay) => self.say_waiting(LIMITED, *delay, backoff),
            Refusal::Transient(why) => self.say_waiting(why, Duration::ZERO, backoff),
            Refusal::Operator(blocker) => self.say_waiting(&blocker.to_string(), Duration::ZERO, backoff),
            Refusal::Final(no) => self.say_waiting(&no.to_string(), Duration::ZERO, backoff),
            other => self.say_waiting(&other.to_string(), Duration::ZERO, backoff),
        }
    }

    /// Puts up or takes down the note on tokens that cannot be used.
    fn note_tokens(&self) {
        let unusable = self.healer.unusable_tokens();
        let note = (!unusable.is_empty()).then(|| Degraded {
            what: unusable.join("; "),
            cure: "give the token alone, without quotes, `Bearer`, spaces or line breaks, and one that belongs to a \
                   device; or leave it away where there is a password file"
                .to_owned(),
        });
        self.note("token", note);
    }

    pub(super) fn say_healing(&self, why: String) {
        self.say(IdentityHealth::now(Health::Healing, why));
    }

    pub(super) fn say_serving(&self, handle: &Handle) {
        if let Some((blocker, _)) = &self.blocked {
            return self.say_blocked(&blocker_of(blocker));
        }
        let mut health = IdentityHealth::now(Health::Ok, "serving");
        health.user_id = Some(handle.user_id.clone());
        health.device_id = Some(handle.device_id.clone());
        self.say(health);
    }
}

/// For jitter.
pub(super) fn chance() -> f64 {
    rand::rng().random()
}
