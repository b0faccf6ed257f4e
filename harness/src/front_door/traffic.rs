use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{sync::watch, time::timeout_at};

use super::{Exchange, Matcher, Timed, Timing};
use crate::{
    history::{Event, History},
    wait::TimedOut,
};

/// Everything that went through a front door. Cheap to clone; all clones show the same.
#[derive(Clone, Debug)]
pub struct Traffic(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    exchanges: Mutex<Vec<Exchange>>,
    /// One for each exchange, in the same order; only changed while the exchanges are locked.
    timings: Mutex<Vec<Timing>>,
    changes: watch::Sender<u64>,
    history: History,
}

impl Traffic {
    pub(super) fn new(history: History) -> Self {
        Self(Arc::new(Inner {
            began: Instant::now(),
            exchanges: Mutex::default(),
            timings: Mutex::default(),
            changes: watch::Sender::new(0),
            history,
        }))
    }

    /// All exchanges so far, in the order in which they came.
    pub fn snapshot(&self) -> Vec<Exchange> {
        self.exchanges().clone()
    }

    /// All exchanges so far with their times, in the order in which they came.
    pub fn timed(&self) -> Vec<Timed> {
        let exchanges = self.exchanges();
        let timings = self.timings();
        let pairs = exchanges.iter().cloned().zip(timings.iter().copied());
        pairs.map(|(exchange, timing)| Timed { exchange, timing }).collect()
    }

    /// Now, on the clock of the times.
    pub fn clock(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// The number of the last exchange so far; 0 before the first.
    pub fn last_seq(&self) -> u64 {
        self.exchanges().last().map_or(0, |exchange| exchange.seq)
    }

    /// The numbers of those that are over: what is not among them is answered later, though it may have been asked before.
    pub fn over(&self) -> HashSet<u64> {
        let exchanges = self.exchanges();
        let over = exchanges.iter().filter(|exchange| exchange.is_over());
        over.map(|exchange| exchange.seq).collect()
    }

    /// Those that a matcher means.
    pub fn filter(&self, matcher: &Matcher) -> Vec<Exchange> {
        let exchanges = self.exchanges();
        exchanges
            .iter()
            .filter(|exchange| matcher.matches(exchange))
            .cloned()
            .collect()
    }

    /// How many a matcher means.
    pub fn count(&self, matcher: &Matcher) -> usize {
        self.exchanges()
            .iter()
            .filter(|exchange| matcher.matches(exchange))
            .count()
    }

    /// The device of a user that the bot last used a token of that lived: where it does not say itself which it is on.
    pub fn device_in_use(&self, user: &str) -> Option<String> {
        let exchanges = self.exchanges();
        let bots = Matcher::any().from_bot();
        let lived = |exchange: &&Exchange| bots.matches(exchange) && exchange.status == Some(200);
        let of_user = exchanges
            .iter()
            .rev()
            .filter(lived)
            .filter_map(|exchange| exchange.who.as_ref());
        of_user
            .filter(|who| who.user_id == user)
            .find_map(|who| who.device_id.clone())
    }

    /// Waits until an exchange that a matcher means is over; answers it.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] with the last exchanges.
    pub async fn wait_for(&self, matcher: &Matcher, patience: Duration) -> Result<Exchange, TimedOut> {
        self.wait_until(&matcher.to_string(), patience, |exchanges| {
            let found = exchanges
                .iter()
                .find(|exchange| exchange.is_over() && matcher.matches(exchange));
            found.cloned()
        })
        .await
    }

    /// Waits until something holds for all exchanges so far.
    ///
    /// # Errors
    ///
    /// [`TimedOut`] with the last exchanges.
    pub async fn wait_until<T>(
        &self,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&[Exchange]) -> Option<T>,
    ) -> Result<T, TimedOut> {
        let began = tokio::time::Instant::now();
        let mut changes = self.0.changes.subscribe();
        loop {
            if let Some(found) = wanted(&self.exchanges()) {
                return Ok(found);
            }
            if timeout_at(began + patience, changes.changed()).await.is_err() {
                let last: Vec<String> = self
                    .exchanges()
                    .iter()
                    .rev()
                    .take(5)
                    .rev()
                    .map(Exchange::line)
                    .collect();
                return Err(TimedOut {
                    what: what.to_owned(),
                    waited: began.elapsed(),
                    last_seen: format!("the last requests are\n  {}", last.join("\n  ")),
                });
            }
        }
    }

    /// Adds an exchange, giving it its number and its time.
    pub(super) fn begin(&self, mut exchange: Exchange) -> Exchange {
        let came = self.0.began.elapsed();
        exchange.at_ms = millis(came);
        {
            let mut exchanges = self.exchanges();
            exchange.seq = exchanges.last().map_or(1, |last| last.seq + 1);
            exchanges.push(exchange.clone());
            self.0.history.add(Event::Request(exchange.clone()));
            self.timings().push(Timing { came, over: None });
        }
        self.0.changes.send_modify(|changes| *changes += 1);
        exchange
    }

    /// Changes an exchange.
    pub(super) fn update(&self, seq: u64, change: impl FnOnce(&mut Exchange)) {
        if let Some(exchange) = self.exchanges().get_mut(index(seq)) {
            change(exchange);
        }
        self.0.changes.send_modify(|changes| *changes += 1);
    }

    /// Ends an exchange.
    pub(super) fn end(&self, seq: u64, change: impl FnOnce(&mut Exchange)) {
        let now = self.0.began.elapsed();
        self.update(seq, |exchange| {
            change(exchange);
            exchange.took_ms = Some(millis(now).saturating_sub(exchange.at_ms));
            if let Some(timing) = self.timings().get_mut(index(seq)) {
                timing.over = Some(now);
            }
            self.0.history.add(Event::Answer(exchange.clone()));
        });
    }

    fn exchanges(&self) -> MutexGuard<'_, Vec<Exchange>> {
        self.0.exchanges.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn timings(&self) -> MutexGuard<'_, Vec<Timing>> {
        self.0.timings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the exchange of a number is: they are counted from 1.
fn index(seq: u64) -> usize {
    usize::try_from(seq).unwrap_or_default().wrapping_sub(1)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
