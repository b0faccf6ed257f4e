//! Waiting for a condition, with a deadline that says what was waited for and what was last seen.

use std::{fmt, future::Future, time::Duration};

use tokio::time::{Instant, sleep, timeout_at};

/// What one look at a condition found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Poll<T> {
    /// It holds.
    Ready(T),
    /// It does not hold yet; what was seen instead.
    Pending(String),
}

/// A condition that did not come true in time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("waited {waited:.1?} for {what}; last seen: {last_seen}")]
pub struct TimedOut {
    /// What was waited for.
    pub what: String,
    /// How long.
    pub waited: Duration,
    /// What the last look found.
    pub last_seen: String,
}

/// The pause after the first look; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(5);
/// Conditions are mostly answers of processes on this machine: looking more rarely would only lengthen every test.
const LONGEST_PAUSE: Duration = Duration::from_millis(40);

/// Looks again and again until the condition holds or `patience` is over. A look that is a long poll is cut at the deadline.
///
/// # Errors
///
/// [`TimedOut`].
pub async fn until<T, F, Fut>(what: impl fmt::Display, patience: Duration, mut look: F) -> Result<T, TimedOut>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Poll<T>>,
{
    let began = Instant::now();
    let deadline = began + patience;
    let mut last_seen = "nothing yet".to_owned();
    let mut pause = FIRST_PAUSE;
    loop {
        match timeout_at(deadline, look()).await {
            Ok(Poll::Ready(found)) => return Ok(found),
            Ok(Poll::Pending(seen)) => last_seen = seen,
            Err(_) => {}
        }
        if Instant::now() + pause >= deadline {
            return Err(TimedOut {
                what: what.to_string(),
                waited: began.elapsed(),
                last_seen,
            });
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    #[tokio::test(start_paused = true)]
    async fn it_answers_what_the_first_look_that_succeeds_found() {
        let looks = Cell::new(0);
        let found = until("three looks", Duration::from_secs(5), || async {
            looks.set(looks.get() + 1);
            if looks.get() == 3 {
                Poll::Ready(looks.get())
            } else {
                Poll::Pending(looks.get().to_string())
            }
        })
        .await;
        assert_eq!(found, Ok(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_deadline_says_what_was_waited_for_and_what_was_last_seen() {
        let error = until::<(), _, _>("an invite", Duration::from_secs(2), || async {
            Poll::Pending("no invite".to_owned())
        })
        .await
        .unwrap_err();
        assert_eq!(error.what, "an invite");
        assert_eq!(error.last_seen, "no invite");
        assert!(error.waited >= Duration::from_millis(1_800) && error.waited <= Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn a_look_that_hangs_is_cut_at_the_deadline() {
        let error = until::<(), _, _>("an answer", Duration::from_secs(2), std::future::pending)
            .await
            .unwrap_err();
        assert_eq!(error.waited, Duration::from_secs(2));
        assert_eq!(error.last_seen, "nothing yet");
    }
}
