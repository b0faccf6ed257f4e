//! The circuit breaker before every send.
//!
//! Server admins have no rate limit, so nothing but this stops a loop. It counts the messages of a window; one too many
//! opens it, and then nothing is sent until a cool-down has passed. What waits is kept.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::config::BreakerConfig;

/// How long the sender rests once the breaker opened.
const COOL_DOWN: Duration = Duration::from_secs(15 * 60);

/// What the breaker says of one more message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may go; the breaker is closed. `again` is set on the first after a cool-down.
    Go {
        /// Whether the breaker was open before.
        again: bool,
    },
    /// It must wait this long. `opened` is set on the message that opened it: say so then, and only then.
    Wait {
        /// How long.
        wait: Duration,
        /// Whether this message opened it.
        opened: bool,
    },
}

/// The breaker.
#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    sent: VecDeque<Instant>,
    open_until: Option<Instant>,
}

impl Breaker {
    /// A closed breaker that has seen no message.
    pub fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            state: Mutex::default(),
        }
    }

    /// Asks for one more message at `now`.
    pub fn admit(&self, now: Instant) -> Admission {
        let mut state = self.state();
        let mut again = false;
        if let Some(until) = state.open_until {
            if now < until {
                let wait = until - now;
                return Admission::Wait { wait, opened: false };
            }
            *state = State::default();
            again = true;
        }
        while state
            .sent
            .front()
            .is_some_and(|sent| now.duration_since(*sent) >= self.config.window)
        {
            state.sent.pop_front();
        }
        if state.sent.len() >= self.config.messages as usize {
            state.open_until = Some(now + COOL_DOWN);
            return Admission::Wait {
                wait: COOL_DOWN,
                opened: true,
            };
        }
        state.sent.push_back(now);
        Admission::Go { again }
    }

    /// Whether it is open.
    pub fn is_open(&self) -> bool {
        self.state().open_until.is_some()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(BreakerConfig {
            messages: 3,
            window: Duration::from_secs(10),
        })
    }

    const GO: Admission = Admission::Go { again: false };

    #[test]
    fn a_steady_pace_never_opens_it() {
        let (breaker, start) = (breaker(), Instant::now());
        for step in 0..100 {
            assert_eq!(breaker.admit(start + Duration::from_secs(4 * step)), GO);
        }
    }

    #[test]
    fn one_message_too_many_opens_it_once_and_a_cool_down_closes_it() {
        let (breaker, start) = (breaker(), Instant::now());
        for _ in 0..3 {
            assert_eq!(breaker.admit(start), GO);
        }
        let open = |opened, wait| Admission::Wait { wait, opened };
        assert_eq!(breaker.admit(start), open(true, COOL_DOWN));
        let later = start + Duration::from_secs(60);
        assert_eq!(breaker.admit(later), open(false, COOL_DOWN - Duration::from_secs(60)));
        assert!(breaker.is_open());
        assert_eq!(breaker.admit(start + COOL_DOWN), Admission::Go { again: true });
        assert_eq!(breaker.admit(start + COOL_DOWN), GO);
        assert!(!breaker.is_open());
    }
}
