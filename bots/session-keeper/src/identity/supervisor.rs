//! The task that keeps an identity alive.

use std::{convert::Infallible, sync::Arc, time::Duration};

use rand::Rng;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{Intake, Live, complaint::complaint};
use crate::{
    config::{Account, IdentityConfig},
    crypto::{Shelf, Spare, StoreError, Stores},
    healing::{Backoff, Bar, Class, Expected, Mark, Stuck},
    health::{Board, Degraded, Health, IdentityHealth},
    session::{Attempt, Healer, Session},
    vault::PasswordState,
};

/// How often the password file is looked at while the operator is waited for.
const PASSWORD_POLL: Duration = Duration::from_millis(250);
/// How often the tokens are looked at meanwhile (a login costs something, a whoami does not): soon at first, then ever
/// more rarely, up to the second.
const TOKEN_RECHECK: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));
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
        reply: oneshot::Sender<Verdict>,
    },
    /// The account is suspended.
    Suspended,
    /// A call succeeded after that.
    Works,
}

/// What whoami said about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
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
    pub(super) spare: Spare,
    board: Board,
    live: watch::Sender<Option<Live>>,
    shutdown: CancellationToken,
    generation: u64,
    suspended: bool,
}

impl Supervisor {
    pub(super) fn new(
        config: IdentityConfig,
        healer: Healer,
        intake: Arc<dyn Intake>,
        board: Board,
        live: watch::Sender<Option<Live>>,
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
            spare: Spare::default(),
            board,
            live,
            shutdown,
            generation: 0,
            suspended: false,
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
    }

    async fn keep_alive(&mut self) -> Infallible {
        loop {
            let (session, shelf) = self.heal().await;
            let end = self.serve(session, shelf).await;
            self.retire().await;
            match end {
                End::DeadToken => {
                    self.say_healing("the token is dead; another one is being made".to_owned());
                    self.healer.token_died();
                }
                End::Restart => {
                    let delay = self.restarts.next(Duration::ZERO, chance());
                    sleep(delay).await;
                }
            }
        }
    }

    /// Tries until there is a session; what was opened for it meanwhile comes with it.
    async fn heal(&mut self) -> (Session, Shelf) {
        let mut backoff = Backoff::default();
        let mut recheck = TOKEN_RECHECK.0;
        let mut stuck_before = false;
        // From before the first attempt: what is written during one must not be missed.
        let mut password = self.healer.password_file().state();
        let mut shelf = self.open_ahead().await;
        loop {
            let attempt = self.healer.attempt().await;
            if !matches!(attempt, Ok(Attempt::Live(_))) {
                // While the operator is waited for the files are theirs: they may bring others.
                shelf = Shelf::default();
            }
            match attempt {
                Ok(Attempt::Live(session)) => {
                    if stuck_before {
                        Mark::CuredFromOutside.hit(self.role);
                    }
                    return (session, shelf);
                }
                Ok(Attempt::Wait(delay, why)) => {
                    self.say_healing(format!("waiting for the homeserver: {why}"));
                    sleep(backoff.next(delay, chance())).await;
                }
                Ok(Attempt::Stuck(stuck)) => {
                    backoff.reset();
                    self.say_stuck(&stuck);
                    let written = self.wait_for_operator(recheck, &mut password).await;
                    stuck_before = !written;
                    recheck = match written {
                        true => TOKEN_RECHECK.0,
                        false => (recheck * 2).min(TOKEN_RECHECK.1),
                    };
                }
                Err(error) => {
                    self.say_broken(&error.to_string());
                    sleep(backoff.next(Duration::ZERO, chance())).await;
                }
            }
        }
    }

    /// The session is most likely to be one on the device of the last one, so its databases are opened meanwhile.
    async fn open_ahead(&self) -> Shelf {
        let mut shelf = Shelf::default();
        if let Err(error) = self.try_open_ahead(&mut shelf).await {
            tracing::debug!(role = self.role.name(), %error, "nothing is opened ahead");
        }
        shelf
    }

    async fn try_open_ahead(&self, shelf: &mut Shelf) -> Result<(), StoreError> {
        let vault = self.healer.vault();
        let saved = vault.session()?.and_then(|saved| saved.user.zip(saved.device));
        let Some((user, device)) = saved else { return Ok(()) };
        let stores = Stores::new(self.role, &user, vault)?;
        stores.open_ahead(&device, shelf).await
    }

    /// Makes the session a client that serves, until it ends.
    async fn serve(&mut self, session: Session, shelf: Shelf) -> End {
        let proven = match self.prove(session, shelf).await {
            Ok(proven) => proven,
            Err(end) => return end,
        };
        self.generation += 1;
        let live = Live::new(
            proven.client.clone(),
            proven.session.user.clone(),
            proven.session.device.clone(),
            self.generation,
        );
        self.live.send_replace(Some(live.clone()));
        tracing::info!(
            role = self.role.name(), user = %live.user_id, device = %live.device_id, generation = live.generation, "live"
        );
        self.sync(&live, proven).await
    }

    /// Whether the token is really dead: what an error code says counts only if whoami agrees.
    pub(super) async fn token_is_dead(&mut self, session: &Session) -> bool {
        let expected = Expected::User(session.user.clone());
        let mut backoff = Backoff::default();
        loop {
            let delay = match self.healer.server().whoami(&session.token, &expected).await {
                Class::Alive { .. } => {
                    Mark::TokenAliveAfterAll.hit(self.role);
                    return false;
                }
                Class::Limited(delay) => delay,
                Class::Unreachable(why) => {
                    self.say_healing(format!("waiting for the homeserver: {why}"));
                    Duration::ZERO
                }
                _ => return true,
            };
            sleep(backoff.next(delay, chance())).await;
        }
    }

    /// Answers a report; `Some` where it ends this generation.
    pub(super) async fn answer(&mut self, report: Report, live: &Live, session: &Session) -> Option<End> {
        match report {
            Report::LooksDead { generation, reply } if generation == live.generation => {
                if self.token_is_dead(session).await {
                    Mark::DeadTokenInCall.hit(self.role);
                    reply.send(Verdict::Dead).ok();
                    return Some(End::DeadToken);
                }
                reply.send(Verdict::Alive).ok();
            }
            // About a generation that is gone: dropping the reply says that there is another.
            Report::LooksDead { .. } => {}
            Report::Suspended => {
                self.suspended = true;
                self.say_stuck(&Stuck::Barred(Bar::Suspended));
                Mark::Suspended.hit(self.role);
            }
            Report::Works => {
                self.suspended = false;
                Mark::CuredFromOutside.hit(self.role);
                self.say_serving(live);
            }
        }
        None
    }

    /// Takes the client from its users and waits until they have let go of it: two clients on one store would spoil it.
    async fn retire(&mut self) {
        let Some(live) = self.live.send_replace(None) else {
            return;
        };
        live.over.cancel();
        let lease = live.lease();
        drop(live);
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

    /// Waits until the password file is another than the `known` one, but not longer than `recheck`; answers whether it is.
    async fn wait_for_operator(&mut self, recheck: Duration, known: &mut Option<PasswordState>) -> bool {
        let recheck = Instant::now() + recheck.mul_f64(1.0 + 0.2 * chance());
        let mut last = *known;
        while Instant::now() < recheck {
            sleep(PASSWORD_POLL).await;
            let now = self.healer.password_file().state();
            // The same twice, so that a file which is being written is not taken for a password.
            if now.is_some() && now != *known && now == last {
                *known = now;
                Mark::PasswordChanged.hit(self.role);
                self.healer.password_changed();
                return true;
            }
            last = now;
        }
        false
    }

    pub(super) fn say_healing(&self, why: String) {
        self.say(Health::Healing, why, None, None);
    }

    pub(super) fn say_serving(&self, live: &Live) {
        if self.suspended {
            return;
        }
        self.say(Health::Ok, "serving".to_owned(), None, Some(live));
    }

    /// Something on this machine is in the way: files that cannot be written, a store that cannot be opened.
    pub(super) fn say_broken(&self, why: &str) {
        let data = self.config.data_dir.display();
        let next = format!("see to it that {data} is there, can be written by this process, and has room left");
        self.say(Health::NeedsOperator, why.to_owned(), Some(next), None);
    }

    /// Whether something is weaker than it should be.
    pub(super) fn is_degraded(&self) -> bool {
        !self.board.snapshot().degraded.is_empty()
    }

    /// Puts up or takes down a note on what is weaker.
    pub(super) fn note(&self, key: &'static str, note: Option<Degraded>) {
        if let Some(note) = &note {
            tracing::warn!(role = self.role.name(), what = note.what, cure = note.cure, "degraded");
        }
        self.board.note(key, note);
    }

    fn say_stuck(&self, stuck: &Stuck) {
        let file = self.healer.password_file();
        let user = self
            .healer
            .localpart()
            .unwrap_or_else(|_| self.config.default_localpart.clone());
        let complaint = complaint(stuck, &user, file.path(), file.problem().as_deref());
        self.say(Health::NeedsOperator, complaint.why, Some(complaint.next_step), None);
    }

    fn say(&self, state: Health, why: String, next_step: Option<String>, live: Option<&Live>) {
        let mut health = IdentityHealth::now(state, why);
        health.next_step = next_step;
        health.user_id = live.map(|live| live.user_id.clone());
        health.device_id = live.map(|live| live.device_id.clone());
        let before = self.board.snapshot();
        if (before.state, &before.why) != (health.state, &health.why) {
            let (role, why) = (self.role.name(), &health.why);
            match (state, &health.next_step) {
                (Health::NeedsOperator, next_step) => {
                    tracing::error!(role, why, next_step, "needs the operator");
                }
                (Health::Healing, _) => tracing::warn!(role, why, "healing"),
                (Health::Ok, _) => tracing::info!(role, why, "ok"),
            }
        }
        self.board.set(health);
    }
}

/// For jitter.
pub(super) fn chance() -> f64 {
    rand::rng().random()
}
