//! One Matrix identity that keeps itself alive.
//!
//! ```text
//!             ┌────────────── supervisor (one task) ──────────────┐
//!   start ──▶ │ heal ──▶ prove the device ──▶ client ──▶ sync ──┐ │ ──▶ Intake
//!             │  ▲                                              │ │
//!             │  └────────── dead token (sync or call) ◀────────┘ │ ◀── Identity::call
//!             └───────────────────────┬───────────────────────────┘
//!                                     └──▶ Board (/ready, !health)
//! ```
//!
//! Each heal has a client of its own: the SDK's client can be given a session only once.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use crate::{
    config::{Account, IdentityConfig},
    health::Board,
    session::{Healer, Server, ServerError},
    vault::{DataDirLock, LockError},
};

mod complaint;
mod dead;
mod device;
mod intake;
mod live;
mod over;
mod supervisor;
mod sync;
mod upkeep;

use dead::{looks_dead, says_suspended};
pub use intake::{Intake, IntakeError};
pub use live::Live;
use supervisor::{Report, Supervisor, Verdict};

/// How often one call is repeated after heals before its error is handed on.
const HEALS_PER_CALL: usize = 5;

/// Why an identity could not be started.
#[derive(Debug, thiserror::Error)]
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
    live: watch::Receiver<Option<Live>>,
    reports: mpsc::UnboundedSender<Report>,
    suspended: AtomicBool,
}

impl Identity {
    /// Spawns the supervisor (heal → client → sync → on a dead token heal again) and returns at once.
    ///
    /// Refuses where another process has this identity's data; the caller should hold the [`DataDirLock`] of the whole
    /// data directory already.
    pub fn start(
        config: IdentityConfig,
        intake: Arc<dyn Intake>,
        board: Board,
        shutdown: CancellationToken,
    ) -> Result<(Self, JoinHandle<()>), StartError> {
        let role = config.role;
        let lock = DataDirLock::acquire_file(&config.data_dir, &format!("{}.lock", role.file_stem()))?;
        let server = Server::new(config.homeserver.clone(), &config.device_name)?;
        let (live_sender, live) = watch::channel(None);
        let (reports, receiver) = mpsc::unbounded_channel();
        let healer = Healer::new(&config, server);
        let supervisor = Supervisor::new(config, healer, intake, board, live_sender, receiver, shutdown);
        let task = tokio::spawn(async move {
            supervisor.run().await;
            drop(lock);
        });
        Ok((
            Self {
                inner: Arc::new(Inner {
                    role,
                    live,
                    reports,
                    suspended: AtomicBool::new(false),
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
    pub async fn live(&self) -> Live {
        self.live_after(0).await
    }

    /// The client, or `None` while healing.
    pub fn try_live(&self) -> Option<Live> {
        self.inner.live.borrow().clone()
    }

    /// Runs `work`; where it meets a dead token: one heal (never two at once), then runs it again. Where a heal begins
    /// while `work` runs, `work` is dropped and runs again afterwards. So it must be repeatable: the same transaction
    /// id each time. Waits as long as a heal takes. Not to be used inside [`Intake`], which is handed its `Live`.
    pub async fn call<T, F, Fut>(&self, work: F) -> Result<T, matrix_sdk::Error>
    where
        F: Fn(Live) -> Fut + Send,
        Fut: Future<Output = Result<T, matrix_sdk::Error>> + Send,
    {
        let mut generation = 0;
        let mut heals = 0;
        loop {
            let live = self.live_after(generation).await;
            let (this, over) = (live.generation, live.over.clone());
            let result = tokio::select! {
                biased;
                result = work(live) => result,
                () = over.cancelled() => {
                    generation = this;
                    continue;
                }
            };
            let error = match result {
                Ok(value) => {
                    self.works_again();
                    return Ok(value);
                }
                Err(error) => error,
            };
            self.note_bar(&error);
            if !looks_dead(&error) || heals == HEALS_PER_CALL || !self.was_dead(this).await {
                return Err(error);
            }
            heals += 1;
            generation = this;
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
        !matches!(verdict.await, Ok(Verdict::Alive))
    }

    async fn live_after(&self, generation: u64) -> Live {
        let mut live = self.inner.live.clone();
        loop {
            let now = live.borrow_and_update().clone();
            if let Some(live) = now.filter(|live| live.generation > generation) {
                return live;
            }
            if live.changed().await.is_err() {
                // The supervisor is gone: the process is shutting down, and nothing will come any more.
                std::future::pending::<()>().await;
            }
        }
    }

    /// A suspended account can still log in and sync, so only calls find out.
    fn note_bar(&self, error: &matrix_sdk::Error) {
        if says_suspended(error) && !self.inner.suspended.swap(true, Ordering::Relaxed) {
            self.inner.reports.send(Report::Suspended).ok();
        }
    }

    fn works_again(&self) {
        if self.inner.suspended.load(Ordering::Relaxed) && self.inner.suspended.swap(false, Ordering::Relaxed) {
            self.inner.reports.send(Report::Works).ok();
        }
    }
}
