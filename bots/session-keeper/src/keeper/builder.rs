//! Says which account is to be kept, and how.

use std::{future::Future, path::PathBuf, sync::Arc};

use matrix_sdk::{ClientBuilder, sync::SyncResponse};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::{
    Keeper,
    positions::{OnClient, OnSync, Positions, on_client, on_sync},
};
use crate::{
    account::Account,
    config::{IdentityConfig, Wording},
    health::Board,
    identity::{Handle, Identity, Intake, IntakeError, StartError},
    secret::Secret,
    vault::{PasswordSource, Predecessor},
};

/// What is to be kept; made by [`Keeper::builder`].
#[must_use = "nothing is kept until it is started"]
pub struct Builder {
    config: IdentityConfig,
    board: Board,
    shutdown: CancellationToken,
    on_client: OnClient,
    on_sync: OnSync,
}

impl Builder {
    pub(super) fn new(homeserver: Url, data_dir: PathBuf) -> Self {
        Self {
            config: IdentityConfig::new(Account::new("bot"), homeserver, data_dir),
            board: Board::default(),
            shutdown: CancellationToken::new(),
            on_client: on_client(|_| async { Ok::<_, IntakeError>(()) }),
            on_sync: on_sync(|_, _| async { Ok::<_, IntakeError>(()) }),
        }
    }

    /// Which account of the process it is, where there are several: the name is in logs and begins the names of its
    /// files. Without it: `bot`.
    pub fn account(mut self, account: Account) -> Self {
        self.config.role = account;
        self
    }

    /// The localpart (or whole user id) of the account. A token of anybody else is refused. Without it, the user of the
    /// first living token is the account from then on.
    pub fn user(mut self, localpart: impl Into<String>) -> Self {
        self.config.username = Some(localpart.into());
        self
    }

    /// The file in which the operator writes the password. It may appear, and change, at any time. Without it:
    /// `password` in the data directory.
    pub fn password_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.password = PasswordSource::file(path);
        self
    }

    /// A function that gives the password instead of a file: `None` while there is none, or why it cannot tell, in one line for the
    /// operator. It is
    /// asked several times a second while the operator is waited for, so it has to be quick. `place` is what the operator is
    /// told to write the password into, as in "the secret `bot-password`".
    pub fn password<F>(mut self, place: impl Into<String>, ask: F) -> Self
    where
        F: Fn() -> Result<Option<String>, String> + Send + Sync + 'static,
    {
        let ask = move || Ok(ask()?.map(Secret::new));
        self.config.password = PasswordSource::function(place, ask);
        self
    }

    /// An access token, if one is at hand. It is a hint: tried where it helps, never relied on.
    pub fn token(mut self, token: Option<String>) -> Self {
        self.config.given_token = token.filter(|token| !token.is_empty()).map(Secret::new);
        self
    }

    /// How the devices that are made here are called. The name means nothing: only devices that this data directory made
    /// are ever removed.
    pub fn device_name(mut self, name: impl Into<String>) -> Self {
        self.config.device_name = name.into();
        self
    }

    /// What kept the account before, and what it left.
    pub fn predecessor(mut self, predecessor: Arc<dyn Predecessor>) -> Self {
        self.config.predecessor = Some(predecessor);
        self
    }

    /// How the program speaks of itself to its operator.
    pub fn wording(mut self, wording: Wording) -> Self {
        self.config.wording = wording;
        self
    }

    /// Changes how each client is built. Homeserver, stores and encryption are set already.
    pub fn customize(mut self, customize: fn(ClientBuilder) -> ClientBuilder) -> Self {
        self.config.customize = customize;
        self
    }

    /// Ends the keeping when this is cancelled.
    pub fn shutdown(mut self, shutdown: CancellationToken) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// Shows the account's health on a board that the program has already.
    pub fn board(mut self, board: Board) -> Self {
        self.board = board;
        self
    }

    /// What is done with each client before its first sync: to add event handlers, for example. Each heal brings a new
    /// client.
    pub fn on_client<F, Fut, E>(mut self, work: F) -> Self
    where
        F: Fn(Handle) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.on_client = on_client(work);
        self
    }

    /// What is done with each batch that the sync brings. The sync goes on when it is done; where it failed, the same
    /// batch comes again. So it should be quick, and bear to see a batch twice.
    pub fn on_sync<F, Fut, E>(mut self, work: F) -> Self
    where
        F: Fn(Handle, SyncResponse) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<(), E>> + Send + 'static,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.on_sync = on_sync(work);
        self
    }

    /// Begins to keep the account alive, and returns at once: [`Keeper::health`] says how that goes. The sync position
    /// is kept in a file of the data directory.
    ///
    /// # Errors
    ///
    /// When another process has the data directory, or no HTTP client can be made.
    pub fn start(self) -> Result<Keeper, StartError> {
        let intake = Positions {
            path: self.config.vault().path("sync_position"),
            on_client: self.on_client.clone(),
            on_sync: self.on_sync.clone(),
        };
        self.start_with(Arc::new(intake))
    }

    /// As [`start`](Self::start), with an intake that keeps the position itself, in one transaction with what it does.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn start_with(self, intake: Arc<dyn Intake>) -> Result<Keeper, StartError> {
        let Self {
            config,
            board,
            shutdown,
            ..
        } = self;
        let (identity, task) = Identity::start(config, intake, board.clone(), shutdown.clone())?;
        Ok(Keeper {
            identity,
            board,
            shutdown,
            task: Some(task),
        })
    }
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}
