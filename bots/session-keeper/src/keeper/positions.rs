//! The intake of a program that keeps no database of its own: the position lies in a file, and closures get the rest.

use std::{future::Future, path::PathBuf, pin::Pin, sync::Arc};

use async_trait::async_trait;
use matrix_sdk::{ruma::OwnedRoomId, sync::SyncResponse};

use crate::{
    identity::{Handle, Intake, IntakeError},
    vault::{VaultError, put_aside, read, write},
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

impl Positions {
    /// What is of no use is put aside: the homeserver tells once more what there is.
    fn begin_anew(&self) -> Result<Option<String>, IntakeError> {
        let aside = put_aside(&self.path).map_err(|error| failed("putting the sync position aside", error))?;
        tracing::warn!(path = %self.path.display(), aside = %aside.display(), "the sync position cannot be read: starting afresh");
        Ok(None)
    }
}

/// Positions are opaque; they go into an address, and no homeserver makes any with white space or worse in them.
fn is_position(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character.is_ascii_graphic())
}

fn failed(what: &'static str, error: VaultError) -> IntakeError {
    let cure = error.next_step();
    IntakeError::new(what, error).with_cure(Some(cure))
}

#[async_trait]
impl Intake for Positions {
    async fn position(&self) -> Result<Option<String>, IntakeError> {
        match read(&self.path) {
            Ok(Some(text)) if is_position(text.trim()) => Ok(Some(text.trim().to_owned())),
            Ok(Some(text)) if text.trim().is_empty() => Ok(None),
            Ok(None) => Ok(None),
            Ok(Some(_)) => self.begin_anew(),
            Err(error) if error.is_damage() => self.begin_anew(),
            Err(error) => Err(failed("reading the sync position", error)),
        }
    }

    async fn take(&self, handle: &Handle, batch: &SyncResponse, next_position: &str) -> Result<(), IntakeError> {
        (self.on_sync)(handle.clone(), batch.clone()).await?;
        write(&self.path, format!("{next_position}\n").as_bytes())
            .map_err(|error| failed("writing the sync position", error))
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
    use rstest::rstest;
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

    /// All that there is can be had again.
    #[rstest]
    #[case::empty(b"\n", None)]
    #[case::marked(b"\xEF\xBB\xBFs1_2\r\n", Some("s1_2"))]
    #[case::not_utf8(b"\xC3\x28", None)]
    #[case::zeros(b"\0\0\0\0", None)]
    #[case::garbage(b"this is not what was here", None)]
    #[tokio::test]
    async fn a_damaged_position_is_none_and_the_next_one_is_kept(#[case] content: &[u8], #[case] read: Option<&str>) {
        let data = TempDir::new().unwrap();
        std::fs::write(data.path().join("bot_sync_position"), content).unwrap();
        let (handle, positions) = (handle().await, positions(&data, Ok(())));
        assert_eq!(positions.position().await.unwrap().as_deref(), read);
        positions.take(&handle, &SyncResponse::default(), "s2").await.unwrap();
        assert_eq!(positions.position().await.unwrap().as_deref(), Some("s2"));
    }

    #[tokio::test]
    async fn a_directory_in_the_place_of_the_position_is_put_aside_or_named() {
        let data = TempDir::new().unwrap();
        let path = data.path().join("bot_sync_position");
        let (handle, positions) = (handle().await, positions(&data, Ok(())));
        std::fs::create_dir(&path).unwrap();
        assert_eq!(positions.position().await.unwrap(), None);
        // While it runs nobody reads it.
        std::fs::create_dir(&path).unwrap();
        let error = positions
            .take(&handle, &SyncResponse::default(), "s1")
            .await
            .unwrap_err();
        let cure = error.cure().unwrap();
        assert!(cure.contains(&path.display().to_string()), "{cure}");
    }
}
