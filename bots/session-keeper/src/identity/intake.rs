//! Where the sync goes.

use async_trait::async_trait;
use matrix_sdk::{ruma::OwnedRoomId, sync::SyncResponse};

use super::Handle;

/// What the intake could not do. The batch is handed over again.
#[derive(Debug, thiserror::Error)]
#[error("{what}: {source}")]
pub struct IntakeError {
    what: String,
    source: Box<dyn std::error::Error + Send + Sync>,
    cure: Option<String>,
}

impl IntakeError {
    /// `what` says what was tried.
    pub fn new(what: impl Into<String>, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self {
            what: what.into(),
            source: source.into(),
            cure: None,
        }
    }

    /// With what the operator should do about it, where that is known: exactly, with the file.
    #[must_use]
    pub fn with_cure(self, cure: Option<String>) -> Self {
        Self { cure, ..self }
    }

    /// What the operator should do about it.
    pub(crate) fn cure(&self) -> Option<&str> {
        self.cure.as_deref()
    }
}

/// What the sync brings, handed over in order. The sync position is advanced only after [`Intake::take`] returned `Ok`:
/// what it took is then durable. It must be quick: it stores, workers act.
#[async_trait]
pub trait Intake: Send + Sync {
    /// The position after the last batch that was taken, `None` before the first.
    async fn position(&self) -> Result<Option<String>, IntakeError>;

    /// Stores the batch and the position after it in one transaction. The same batch may come again after a crash.
    async fn take(&self, handle: &Handle, batch: &SyncResponse, next_position: &str) -> Result<(), IntakeError>;

    /// After each (re)start of a client, before its first sync: reconcile (rooms joined while away, …).
    async fn resumed(&self, handle: &Handle) -> Result<(), IntakeError>;

    /// Those of the rooms for which nothing waits to be done.
    async fn finished(&self, rooms: Vec<OwnedRoomId>) -> Result<Vec<OwnedRoomId>, IntakeError>;
}
