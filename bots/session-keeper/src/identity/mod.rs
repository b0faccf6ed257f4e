//! One Matrix identity that keeps itself alive.
//!
//! ```text
//!             ┌────────────── supervisor (one task) ──────────────┐
//!   start ──▶ │ heal ──▶ prove the device ──▶ client ──▶ sync ──┐ │ ──▶ Intake
//!             │  ▲                                              │ │
//!             │  └────────── dead token (sync or call) ◀────────┘ │ ◀── Identity::call
//!             └───────────────────────┬───────────────────────────┘
//!                                     └──▶ Board (what is told)
//! ```
//!
//! Each heal has a client of its own: the SDK's client can be given a session only once.

use std::{
    collections::BTreeSet,
    future::Future,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::sleep,
};
use tokio_util::sync::CancellationToken;

use crate::{
    account::Account,
    config::IdentityConfig,
    healing::{About, Refusal, growing},
    health::Board,
    session::{Healer, Server, ServerError, refusal_of},
    vault::{DataDirLock, LockError, sweep},
};

mod check;
mod complaint;
mod copies;
mod curable;
mod device;
mod forgotten;
mod handle;
mod intake;
mod supervisor;
mod sync;
mod token_errors;
mod upkeep;

pub use handle::Handle;
pub use intake::{Intake, IntakeError};
use supervisor::{Report, Supervisor, TokenState};
use token_errors::{is_unconnected, looks_dead, was_answered};

/// How often one call is repeated after heals before its error is handed on.
const HEALS_PER_CALL: usize = 5;
/// How often one call is tried while the homeserver answers with errors of its own. Whoever calls may wait longer.
const TRIES_PER_CALL: u32 = 3;
/// The pause after the first of them; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// A limit that lasts longer is for the caller to wait out.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why an identity could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Another process has the data directory.
    #[error(transparent)]
    Locked(#[from] LockError),
    /// The HTTP client.
    #[error(transparent)]
    Server(#[from] ServerError),
}

/// One Matrix identity. Cheap to clone, all clones are the same identity.
#[derive(Clone, Debug)]
pub struct Identity {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    role: Account,
    handle: watch::Receiver<Option<Handle>>,
    reports: mpsc::UnboundedSender<Report>,
    /// The kinds of calls that were refused because the account waits for a person.
    blocked: Mutex<BTreeSet<&'static str>>,
}

impl Identity {
    /// Spawns the supervisor (heal → client → sync → on a dead token heal again) and returns at once.
    ///
    /// Refuses where another process has this identity's data; the caller should hold the [`DataDirLock`] of the whole
    /// data directory already.
    ///
    /// # Errors
    ///
    /// When nothing can be kept at all; whatever may heal is an [`IdentityHealth`](crate::health::IdentityHealth) instead.
    pub fn start(
        config: IdentityConfig,
        intake: Arc<dyn Intake>,
        board: Board,
        shutdown: CancellationToken,
    ) -> Result<(Self, JoinHandle<()>), StartError> {
        let role = config.role;
        let lock = DataDirLock::acquire_file(&config.data_dir, &format!("{}.lock", role.file_stem()))?;
        sweep(&config.data_dir, role.file_stem());
        let server = Server::new(config.homeserver.clone(), &config.device_name)?;
        let (handle_sender, handle) = watch::channel(None);
        let (reports, receiver) = mpsc::unbounded_channel();
        let healer = Healer::new(&config, server);
        let supervisor = Supervisor::new(config, healer, intake, board, handle_sender, receiver, shutdown);
        let task = tokio::spawn(async move {
            supervisor.run().await;
            drop(lock);
        });
        Ok((
            Self {
                inner: Arc::new(Inner {
                    role,
                    handle,
                    reports,
                    blocked: Mutex::default(),
                }),
            },
            task,
        ))
    }

    /// Which identity.
    pub fn role(&self) -> Account {
        self.inner.role
    }

    /// The client, waiting as long as it takes: an identity that needs its operator comes back when it is cured.
    pub async fn handle(&self) -> Handle {
        self.handle_after(0).await
    }

    /// The client, or `None` while healing.
    pub fn try_handle(&self) -> Option<Handle> {
        self.inner.handle.borrow().clone()
    }

    /// Runs `work`; where it meets a dead token: one heal (never two at once), then runs it again. Where a heal begins
    /// while `work` runs, `work` is dropped and runs again afterwards. So it must be repeatable: the same transaction
    /// id each time. Waits as long as a heal takes. Not to be used inside [`Intake`], which is handed its `Handle`.
    ///
    /// # Errors
    ///
    /// With what `work` fails with, other than a dead token, and with a dead token where a heal did not help.
    pub async fn call<T, F, Fut>(&self, work: F) -> Result<T, matrix_sdk::Error>
    where
        F: Fn(Handle) -> Fut + Send,
        Fut: Future<Output = Result<T, matrix_sdk::Error>> + Send,
    {
        let mut generation = 0;
        let (mut heals, mut tries) = (0, 1);
        loop {
            let handle = self.handle_after(generation).await;
            let (this, over) = (handle.generation, handle.ended.clone());
            let result = tokio::select! {
                biased;
                result = work(handle) => result,
                () = over.cancelled() => {
                    generation = this;
                    continue;
                }
            };
            let error = match result {
                Ok(value) => {
                    self.works_again::<F>();
                    return Ok(value);
                }
                Err(error) => error,
            };
            if looks_dead(&error) && heals < HEALS_PER_CALL && self.was_dead(this).await {
                heals += 1;
                generation = this;
                continue;
            }
            let refusal = refusal_of(About::Other, &error);
            match soon(&error, &refusal, tries) {
                Some(delay) => {
                    tries += 1;
                    sleep(delay).await;
                }
                None => {
                    self.note_blocker::<F>(refusal);
                    return Err(error);
                }
            }
        }
    }

    /// Asks the supervisor about a token that looks dead; `true` where there is, or will be, another one.
    async fn was_dead(&self, generation: u64) -> bool {
        let (reply, verdict) = oneshot::channel();
        if self
            .inner
            .reports
            .send(Report::LooksDead { generation, reply })
            .is_err()
        {
            return false;
        }
        // No answer means that the supervisor has gone on to another generation, or is gone itself.
        !matches!(verdict.await, Ok(TokenState::Alive))
    }

    async fn handle_after(&self, generation: u64) -> Handle {
        let mut handle = self.inner.handle.clone();
        loop {
            let now = handle.borrow_and_update().clone();
            if let Some(handle) = now.filter(|handle| handle.generation > generation) {
                return handle;
            }
            if handle.changed().await.is_err() {
                // The supervisor is gone: the process is shutting down, and nothing will come any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// An account that waits for a person can often still log in and sync, so only calls find out. What is done by the same
    /// code is of one kind: other calls may well succeed meanwhile.
    fn note_blocker<F>(&self, refusal: Refusal) {
        if let Refusal::Operator(blocker) = refusal
            && blocker.is_of_account()
        {
            self.blocked().insert(std::any::type_name::<F>());
            self.inner.reports.send(Report::Blocked(blocker)).ok();
        }
    }

    fn works_again<F>(&self) {
        let mut blocked = self.blocked();
        if blocked.remove(std::any::type_name::<F>()) && blocked.is_empty() {
            self.inner.reports.send(Report::Works).ok();
        }
    }

    fn blocked(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.inner.blocked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How soon a call is tried once more, where what failed it may be over in a moment and cannot have done anything.
fn soon(error: &matrix_sdk::Error, refusal: &Refusal, tries: u32) -> Option<Duration> {
    if tries >= TRIES_PER_CALL {
        return None;
    }
    let pause = growing(FIRST_PAUSE, 2.0, LONGEST_PAUSE, tries.saturating_sub(1));
    match refusal {
        Refusal::Limited(delay) => (*delay <= LONGEST_PAUSE).then_some(*delay),
        Refusal::Transient(_) if was_answered(error) || is_unconnected(error) => Some(pause),
        _ => None,
    }
}
