use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{sync::watch, time::timeout};
use tokio_util::sync::CancellationToken;

use super::{Exchange, Matcher};
use crate::wait::TimedOut;

/// Where exactly a request is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Point {
    /// Before the upstream sees it.
    BeforeForward,
    /// After the upstream has answered, before the client sees that.
    AfterReply,
}

/// Holds the first request that its matcher means. Dropping it lets the request go.
#[derive(Debug)]
#[must_use = "dropping a gate opens it"]
pub struct Gate {
    lock: Arc<Lock>,
    locks: Arc<Locks>,
}

impl Gate {
    /// Waits until a request is held; answers it.
    ///
    /// # Errors
    ///
    /// [`TimedOut`].
    pub async fn reached(&self, patience: Duration) -> Result<Exchange, TimedOut> {
        let mut held = self.lock.held.subscribe();
        let found = timeout(patience, held.wait_for(Option::is_some)).await;
        let exchange = found.ok().and_then(Result::ok).and_then(|held| held.clone());
        exchange.ok_or_else(|| TimedOut {
            what: format!("{} to come to {:?}", self.lock.matcher, self.lock.point),
            waited: patience,
            last_seen: "no such request".to_owned(),
        })
    }

    /// Lets the request go.
    pub fn open(self) {}
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.locks.remove(&self.lock);
        self.lock.open.cancel();
    }
}

#[derive(Debug)]
pub(super) struct Lock {
    matcher: Matcher,
    point: Point,
    held: watch::Sender<Option<Exchange>>,
    open: CancellationToken,
}

impl Lock {
    /// Holds a request until the gate opens.
    pub(super) async fn hold(&self, exchange: Exchange) {
        self.held.send_replace(Some(exchange));
        self.open.cancelled().await;
    }
}

#[derive(Debug, Default)]
pub(super) struct Locks(Mutex<Vec<Arc<Lock>>>);

impl Locks {
    pub(super) fn add(self: &Arc<Self>, matcher: Matcher, point: Point) -> Gate {
        let lock = Arc::new(Lock {
            // A gate holds one request: with two, "what happened before it opened" would not be one moment.
            matcher: matcher.once(),
            point,
            held: watch::Sender::new(None),
            open: CancellationToken::new(),
        });
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Arc::clone(&lock));
        Gate {
            lock,
            locks: Arc::clone(self),
        }
    }

    pub(super) fn take(&self, exchange: &Exchange, point: Point) -> Option<Arc<Lock>> {
        let locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = locks
            .iter()
            .find(|lock| lock.point == point && lock.matcher.takes(exchange));
        lock.cloned()
    }

    fn remove(&self, lock: &Arc<Lock>) {
        let mut locks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        locks.retain(|other| !Arc::ptr_eq(other, lock));
    }
}
