//! The front of the library: a builder, and what it gives.
//!
//! - [`Builder`]: says which account, and what to do with its sync;
//! - [`Keeper`]: the account while it is kept alive: its health, and calls that are repeated over a heal.

mod builder;
mod positions;

use std::{future::Future, path::PathBuf};

pub use builder::Builder;
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::{
    health::{Board, IdentityHealth},
    identity::{Handle, Identity},
};

/// An account that is kept alive until this is dropped or [ended](Keeper::end).
#[derive(Debug)]
pub struct Keeper {
    identity: Identity,
    board: Board,
    shutdown: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Keeper {
    /// An account to be kept: which homeserver, and where everything lies that must outlive a restart.
    pub fn builder(homeserver: Url, data_dir: impl Into<PathBuf>) -> Builder {
        Builder::new(homeserver, data_dir.into())
    }

    /// How the account is, and every change of that: whether it serves, heals or needs its operator, with the next step.
    pub fn health(&self) -> watch::Receiver<IdentityHealth> {
        self.board.subscribe()
    }

    /// The board behind [`health`](Self::health), for notes of the program's own.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// The client that is logged in now, waiting for one as long as it takes. Ask again for each piece of work: a heal
    /// replaces the client.
    pub async fn handle(&self) -> Handle {
        self.identity.handle().await
    }

    /// Runs `work` with the client that is logged in, and again with the next one where a heal comes in between. So it
    /// has to be repeatable: a message, for example, keeps its transaction id. Waits as long as a heal takes.
    ///
    /// # Errors
    ///
    /// What `work` answered, if that is not about a dead token.
    pub async fn call<T, F, Fut>(&self, work: F) -> Result<T, matrix_sdk::Error>
    where
        F: Fn(Handle) -> Fut + Send,
        Fut: Future<Output = Result<T, matrix_sdk::Error>> + Send,
    {
        self.identity.call(work).await
    }

    /// The part of it that makes calls, to be cloned into tasks.
    pub fn identity(&self) -> Identity {
        self.identity.clone()
    }

    /// Waits until somebody ends it: the token of [`Builder::shutdown`], or a panic in its task, which is handed on.
    ///
    /// # Errors
    ///
    /// When the task has panicked.
    pub async fn ended(&mut self) -> Result<(), tokio::task::JoinError> {
        match &mut self.task {
            Some(task) => {
                let ended = task.await;
                self.task = None;
                ended
            }
            None => Ok(()),
        }
    }

    /// Ends it and waits until its databases are closed.
    ///
    /// # Errors
    ///
    /// As [`ended`](Self::ended).
    pub async fn end(mut self) -> Result<(), tokio::task::JoinError> {
        self.shutdown.cancel();
        self.ended().await
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}
