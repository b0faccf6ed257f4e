//! An intake beside which the requests for verification are heard.

use std::sync::Arc;

use async_trait::async_trait;
use matrix_sdk::{ruma::OwnedRoomId, sync::SyncResponse};
use tokio::sync::mpsc;

use super::heard::{Heard, of_batch};
use crate::{
    config::Role,
    identity::{Intake, IntakeError, Live},
};

/// So many wait to be looked at. What comes beyond that is not heard: whoever asks in earnest asks again.
const MOST: usize = 64;

/// What was heard, and as whom.
#[derive(Debug)]
pub struct Words(mpsc::Receiver<(Role, Heard)>);

impl Words {
    /// The next of it; `None` when nothing more can come.
    pub(super) async fn next(&mut self) -> Option<(Role, Heard)> {
        self.0.recv().await
    }
}

/// Hands everything on, and tells the verifier what it needs to know.
pub struct Listening {
    inner: Arc<dyn Intake>,
    tell: mpsc::Sender<(Role, Heard)>,
}

impl Listening {
    /// An intake in front of `inner`, and what is heard there.
    pub fn new(inner: Arc<dyn Intake>) -> (Self, Words) {
        let (tell, words) = mpsc::channel(MOST);
        (Self { inner, tell }, Words(words))
    }
}

#[async_trait]
impl Intake for Listening {
    async fn position(&self, role: Role) -> Result<Option<String>, IntakeError> {
        self.inner.position(role).await
    }

    async fn take(&self, role: Role, live: &Live, batch: &SyncResponse, next: &str) -> Result<(), IntakeError> {
        self.inner.take(role, live, batch, next).await?;
        for heard in of_batch(batch, &live.user_id) {
            // The sync waits for nobody.
            if self.tell.try_send((role, heard)).is_err() {
                tracing::debug!("too many ask to verify the bot");
            }
        }
        Ok(())
    }

    async fn resumed(&self, role: Role, live: &Live) -> Result<(), IntakeError> {
        self.inner.resumed(role, live).await
    }

    async fn finished(&self, rooms: Vec<OwnedRoomId>) -> Result<Vec<OwnedRoomId>, IntakeError> {
        self.inner.finished(rooms).await
    }
}
