//! The intake of a program that keeps no database of its own: the position lies in a file, and closures get the rest.

use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc};

use async_trait::async_trait;
use matrix_sdk::{ruma::OwnedRoomId, sync::SyncResponse};

use crate::{
    identity::{Handle, Intake, IntakeError},
    vault::{read, write},
};

type Outcome = Pin<Box<dyn Future<Output = Result<(), IntakeError>> + Send>>;
pub(super) type OnClient = Arc<dyn Fn(Handle) -> Outcome + Send + Sync>;
pub(super) type OnSync = Arc<dyn Fn(Handle, SyncResponse) -> Outcome + Send + Sync>;

/// Keeps the position in a file, and hands clients and batches to closures.
pub(super) struct Positions {
    pub(super) path: PathBuf,
    pub(super) on_client: OnClient,
    pub(super) on_sync: OnSync,
}

/// A closure that may be kept. What goes wrong in it gets a name.
pub(super) fn on_client<F, Fut, E>(work: F) -> OnClient
where
    F: Fn(Handle) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    Arc::new(move |handle| named("preparing a client", work(handle)))
}

/// The same for a batch of the sync.
pub(super) fn on_sync<F, Fut, E>(work: F) -> OnSync
where
    F: Fn(Handle, SyncResponse) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), E>> + Send + 'static,
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    Arc::new(move |handle, batch| named("handling what the sync brought", work(handle, batch)))
}

fn named<E>(what: &'static str, work: impl Future<Output = Result<(), E>> + Send + 'static) -> Outcome
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    Box::pin(async move { work.await.map_err(|error| IntakeError::new(what, error)) })
}

#[async_trait]
impl Intake for Positions {
    async fn position(&self) -> Result<Option<String>, IntakeError> {
        let text = read(&self.path).map_err(|error| IntakeError::new("reading the sync position", error))?;
        let position = text.map(|text| text.trim().to_owned());
        Ok(position.filter(|position| !position.is_empty()))
    }

    async fn take(&self, handle: &Handle, batch: &SyncResponse, next_position: &str) -> Result<(), IntakeError> {
        (self.on_sync)(handle.clone(), batch.clone()).await?;
        write(&self.path, format!("{next_position}\n").as_bytes())
            .map_err(|error| IntakeError::new("writing the sync position", error))
    }

    async fn resumed(&self, handle: &Handle) -> Result<(), IntakeError> {
        (self.on_client)(handle.clone()).await
    }

    async fn finished(&self, _: Vec<OwnedRoomId>) -> Result<Vec<OwnedRoomId>, IntakeError> {
        // What a program still wants of a room that it has left, only that program knows.
        Ok(Vec::new())
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::{Client, ruma::owned_user_id};
    use tempfile::TempDir;

    use super::*;

    async fn handle() -> Handle {
        let client = Client::builder()
            .homeserver_url("http://localhost")
            .build()
            .await
            .unwrap();
        Handle::new(client, owned_user_id!("@bot:hs"), "DEVICE".into(), 1)
    }

    fn positions(data: &TempDir, outcome: Result<(), &'static str>) -> Positions {
        Positions {
            path: data.path().join("bot_sync_position"),
            on_client: on_client(|_| async { Ok::<_, IntakeError>(()) }),
            on_sync: on_sync(move |_, _| async move { outcome }),
        }
    }

    #[tokio::test]
    async fn the_position_advances_only_over_what_was_handled() {
        let data = TempDir::new().unwrap();
        let (handle, batch) = (handle().await, SyncResponse::default());
        let failing = positions(&data, Err("full"));
        assert_eq!(failing.position().await.unwrap(), None);
        let error = failing.take(&handle, &batch, "s1").await.unwrap_err();
        assert_eq!(error.to_string(), "handling what the sync brought: full");
        assert_eq!(failing.position().await.unwrap(), None);

        let working = positions(&data, Ok(()));
        working.take(&handle, &batch, "s1").await.unwrap();
        assert_eq!(working.position().await.unwrap().as_deref(), Some("s1"));
    }

    #[tokio::test]
    async fn an_empty_file_is_no_position() {
        let data = TempDir::new().unwrap();
        std::fs::write(data.path().join("bot_sync_position"), "\n").unwrap();
        assert_eq!(positions(&data, Ok(())).position().await.unwrap(), None);
    }
}
