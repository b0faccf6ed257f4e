//! Works on the rows of a queue: lanes side by side, the rows of one lane one after another.
//!
//! A row is worked on until it is done. What a crash interrupts is worked on again, so a worker's steps are repeatable.

mod failing;

pub use failing::{Failing, Matter};

use std::{collections::HashSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::{
    healing::Backoff,
    matrix::Failure,
    storage::{
        Store, StoreError, now_ms,
        queue::{self, Entry, Queue},
    },
};

/// Why a row could not be worked on now; it will be tried again.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The homeserver.
    #[error(transparent)]
    Matrix(Failure),
    /// Something that is not there yet.
    #[error("not yet: {0}")]
    NotYet(&'static str),
}

impl From<Failure> for WorkError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Store(error) => Self::Store(error),
            failure => Self::Matrix(failure),
        }
    }
}

/// Whoever works on the rows of a queue.
#[async_trait]
pub trait Worker: Send + Sync + 'static {
    /// Works on a row and, in the transaction that keeps its effects, marks it done or moves it to a later time.
    async fn work(&self, entry: Entry) -> Result<(), WorkError>;
}

/// Runs until `shutdown`: a row in the middle of its work is left, and worked on again after the next start.
///
/// # Panics
///
/// Where a worker panics: what it held in memory is not to be trusted any more, and whoever runs this has to begin anew.
pub async fn run(store: Store, queue: Queue, worker: Arc<dyn Worker>, shutdown: CancellationToken) {
    let mut changes = store.changes();
    let mut lanes = JoinSet::new();
    let mut busy = HashSet::new();
    loop {
        changes.mark_unchanged();
        let next = match store.run(move |tx| queue::lanes(tx, queue)).await {
            Ok((ready, next)) => {
                for lane in ready {
                    if busy.insert(lane.clone()) {
                        lanes.spawn(drain(store.clone(), queue, lane, worker.clone()));
                    }
                }
                next
            }
            Err(error) => {
                tracing::error!(?queue, %error, "cannot look for work");
                Some(now_ms() + 1000)
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            Some(ended) = lanes.join_next(), if !lanes.is_empty() => match ended {
                Ok(lane) => { busy.remove(&lane); }
                Err(error) => if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                },
            },
            _ = changes.changed() => {}
            () = until(next) => {}
        }
    }
}

async fn until(due: Option<i64>) {
    match due {
        Some(due) => {
            let wait = u64::try_from(due.saturating_sub(now_ms())).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(wait)).await;
        }
        None => std::future::pending().await,
    }
}

/// Works on a lane until nothing in it is due; answers which lane it was.
async fn drain(store: Store, queue: Queue, lane: String, worker: Arc<dyn Worker>) -> String {
    let mut last = None;
    let mut failures = 0_u32;
    let mut backoff = Backoff::default();
    loop {
        let name = lane.clone();
        let failed = match store.run(move |tx| queue::next(tx, queue, &name)).await {
            Ok(None) => return lane,
            Ok(Some(entry)) => {
                if last != Some(entry.id) {
                    failures = 0;
                    backoff.reset();
                }
                last = Some(entry.id);
                let (id, key) = (entry.id, entry.key.clone());
                match worker.work(entry).await {
                    Ok(()) => failures == 0 && is_same(&store, queue, &lane, id).await,
                    Err(error) => {
                        tracing::warn!(?queue, key, failures, %error, "will try again");
                        true
                    }
                }
            }
            Err(error) => {
                tracing::error!(?queue, lane, %error, "cannot read the lane");
                true
            }
        };
        if failed {
            failures += 1;
            tokio::time::sleep(backoff.next(Duration::ZERO, rand::random())).await;
        }
    }
}

/// Whether a row that was reported worked on is still there: a worker's mistake must not become a busy loop.
async fn is_same(store: &Store, queue: Queue, lane: &str, id: i64) -> bool {
    let lane = lane.to_owned();
    let next = store.run(move |tx| queue::next(tx, queue, &lane)).await;
    matches!(next, Ok(Some(next)) if next.id == id)
}

#[cfg(test)]
mod tests;
