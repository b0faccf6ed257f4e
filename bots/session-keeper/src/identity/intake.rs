//! Where the sync goes.

use async_trait::async_trait;
use matrix_sdk::{ruma::OwnedRoomId, sync::SyncResponse};

use super::Live;

/// What the intake could not do. The batch is handed over again.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct IntakeError {
    what: String,
    is_local: bool,
    source: Box<dyn std::error::Error + Send + Sync>,
}

impl IntakeError {
    /// Something on this machine is in the way: the operator is told to see to it. `what` says what was tried.
    pub fn new(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            what: what.into(),
            is_local: true,
            source: source.into(),
        }
    }

    /// A request of the intake's own failed, perhaps because the token has died: that is looked at, and healed.
    pub fn request(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            is_local: false,
            ..Self::new(what, source)
        }
    }

    pub(super) fn is_local(&self) -> bool {
        self.is_local
    }
}

/// What the sync brings, handed over in order. The sync position is advanced only after [`Intake::take`] returned `Ok`:
/// what it took is then durable. It should be quick: the sync waits for it. Where it makes requests, it makes them with the
/// client that it is handed, and answers what they met with [`IntakeError::request`].
#[async_trait]
pub trait Intake: Send + Sync {
    /// The position after the last batch that was taken, `None` before the first.
    async fn position(&self) -> Result<Option<String>, IntakeError>;

    /// A store that knew no rooms has been filled, and stands at this position. An intake that has none of its own may
    /// begin there, which leaves all that was said before to the past; by itself it begins with what the rooms hold.
    async fn begins_at(&self, position: &str) -> Result<(), IntakeError> {
        let _ = position;
        Ok(())
    }

    /// Stores the batch and the position after it in one transaction. The same batch may come again after a crash.
    async fn take(&self, live: &Live, batch: &SyncResponse, next_position: &str) -> Result<(), IntakeError>;

    /// After each (re)start of a client, before its first sync: reconcile (rooms joined while away, …).
    async fn resumed(&self, live: &Live) -> Result<(), IntakeError>;

    /// Those of the rooms for which nothing waits to be done.
    async fn finished(&self, rooms: Vec<OwnedRoomId>) -> Result<Vec<OwnedRoomId>, IntakeError>;
}
