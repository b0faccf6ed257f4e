//! The bot's identities: each an account that `session-keeper` keeps alive.

mod keeping;

use std::{future::Future, sync::Arc};

use async_trait::async_trait;
pub use keeping::keeping;
use matrix_sdk::{ruma::OwnedRoomId, sync::SyncResponse};
pub use session_keeper::identity::{Handle as Live, IntakeError, StartError};
use session_keeper::identity::{Identity as Account, Intake as AccountIntake};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    config::{IdentityConfig, Role},
    health::Board,
};

/// What the sync of every identity brings; see [`session_keeper::identity::Intake`].
#[async_trait]
pub trait Intake: Send + Sync {
    /// The position after the last batch that was taken, `None` before the first.
    async fn position(&self, role: Role) -> Result<Option<String>, IntakeError>;

    /// Stores the batch and the position after it in one transaction. The same batch may come again after a crash.
    async fn take(&self, role: Role, live: &Live, batch: &SyncResponse, next_position: &str)
    -> Result<(), IntakeError>;

    /// After each (re)start of a client, before its first sync: reconcile (knocks among the space's members, rooms
    /// joined while away, …).
    async fn resumed(&self, role: Role, live: &Live) -> Result<(), IntakeError>;

    /// Those of the rooms for which nothing waits to be done.
    async fn finished(&self, rooms: Vec<OwnedRoomId>) -> Result<Vec<OwnedRoomId>, IntakeError>;
}

/// The intake as one identity sees it.
struct Own {
    role: Role,
    intake: Arc<dyn Intake>,
}

#[async_trait]
impl AccountIntake for Own {
    async fn position(&self) -> Result<Option<String>, IntakeError> {
        self.intake.position(self.role).await
    }

    async fn take(&self, live: &Live, batch: &SyncResponse, next_position: &str) -> Result<(), IntakeError> {
        self.intake.take(self.role, live, batch, next_position).await
    }

    async fn resumed(&self, live: &Live) -> Result<(), IntakeError> {
        self.intake.resumed(self.role, live).await
    }

    async fn finished(&self, rooms: Vec<OwnedRoomId>) -> Result<Vec<OwnedRoomId>, IntakeError> {
        self.intake.finished(rooms).await
    }
}

/// One Matrix identity. Cheap to clone, all clones are the same identity.
#[derive(Clone, Debug)]
pub struct Identity {
    role: Role,
    account: Account,
}

impl Identity {
    /// Begins to keep the identity alive, and returns at once; see [`session_keeper::identity::Identity::start`].
    pub fn start(
        config: IdentityConfig,
        intake: Arc<dyn Intake>,
        board: Board,
        shutdown: CancellationToken,
    ) -> Result<(Self, JoinHandle<()>), StartError> {
        let role = config.role;
        let intake = Arc::new(Own { role, intake });
        let (account, task) = Account::start(keeping(&config), intake, board.account(role), shutdown)?;
        Ok((Self { role, account }, task))
    }

    /// Which identity.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The client, waiting as long as it takes: an identity that needs its operator comes back when it is cured.
    pub async fn live(&self) -> Live {
        self.account.handle().await
    }

    /// The client, or `None` while healing.
    pub fn try_live(&self) -> Option<Live> {
        self.account.try_handle()
    }

    /// Runs `work`, and again after a heal; see [`session_keeper::identity::Identity::call`].
    pub async fn call<T, F, Fut>(&self, work: F) -> Result<T, matrix_sdk::Error>
    where
        F: Fn(Live) -> Fut + Send,
        Fut: Future<Output = Result<T, matrix_sdk::Error>> + Send,
    {
        self.account.call(work).await
    }
}
