//! The circuit breaker before every send.
//!
//! Server admins have no rate limit, so nothing but this stops a loop. It counts the messages that were sent in a window,
//! by room and by identity; one too many opens it for that room, or for that identity, and then nothing is sent there
//! until a cool-down has passed. What waits is kept. A room may have as many messages as the operator says, an identity
//! as many as several such rooms, so that one room cannot silence another.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use matrix_sdk::ruma::{OwnedRoomId, RoomId};
use tokio::time::Instant;

use crate::config::{BreakerConfig, Role};

/// The longest cool-down. The first is as long as the window; each that follows at once is twice as long.
const LONGEST_REST: Duration = Duration::from_secs(15 * 60);
/// An identity may send as much as this many rooms.
const ROOMS: u32 = 4;
/// So many rooms are looked at before those are forgotten in which nothing is going on.
const MANY: usize = 256;

/// What is counted by itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All that an identity sends.
    Identity(Role),
    /// All that an identity sends to one room.
    Room(Role, OwnedRoomId),
}

impl Scope {
    /// In words, for the log and the operator.
    pub fn words(&self) -> String {
        match self {
            Self::Identity(role) => format!("from {}", role.name()),
            Self::Room(role, room) => format!("from {} to {room}", role.name()),
        }
    }
}

/// What the breaker says of one more message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It may go, and counts. These scopes were open before.
    Go {
        /// Those that closed with it.
        closed: Vec<Scope>,
    },
    /// It must wait.
    Wait {
        /// For what.
        scope: Scope,
        /// How long.
        wait: Duration,
        /// Whether this message opened it: say so then, and only then.
        opened: bool,
    },
}

/// The breaker.
#[derive(Debug)]
pub struct Breaker {
    config: BreakerConfig,
    gauges: Mutex<HashMap<Scope, Gauge>>,
}

#[derive(Debug, Default)]
struct Gauge {
    sent: VecDeque<Instant>,
    open_until: Option<Instant>,
    /// The last cool-down, and when it ended.
    rested: Option<(Duration, Instant)>,
}

impl Gauge {
    /// Forgets what is out of the window; answers whether it closed.
    fn refresh(&mut self, now: Instant, window: Duration) -> bool {
        let closes = self.open_until.is_some_and(|until| until <= now);
        if closes {
            self.open_until = None;
            self.sent.clear();
        }
        while self
            .sent
            .front()
            .is_some_and(|sent| now.duration_since(*sent) >= window)
        {
            self.sent.pop_front();
        }
        closes
    }

    fn open(&mut self, now: Instant, window: Duration) -> Duration {
        let again = self.rested.filter(|(_, until)| now.duration_since(*until) < window);
        let rest = again.map_or(window, |(rest, _)| rest * 2).min(LONGEST_REST.max(window));
        self.open_until = Some(now + rest);
        self.rested = Some((rest, now + rest));
        rest
    }

    fn is_idle(&self, now: Instant, window: Duration) -> bool {
        let rests = self.rested.is_some_and(|(_, until)| now < until + window);
        self.sent.is_empty() && self.open_until.is_none() && !rests
    }
}

impl Breaker {
    /// A closed breaker that has seen no message.
    pub fn new(config: BreakerConfig) -> Self {
        Self {
            config,
            gauges: Mutex::default(),
        }
    }

    /// Asks for one more message at `now`. Where it may go it is counted; [`Self::unsent`] takes that back.
    pub fn admit(&self, role: Role, room: &RoomId, now: Instant) -> Admission {
        let (mut gauges, window) = (self.gauges(), self.config.window);
        if gauges.len() > MANY {
            gauges.retain(|_, gauge| {
                gauge.refresh(now, window);
                !gauge.is_idle(now, window)
            });
        }
        let mut closed = Vec::new();
        let scopes = self.scopes(role, room);
        for (scope, most) in &scopes {
            let gauge = gauges.entry(scope.clone()).or_default();
            if gauge.refresh(now, window) {
                closed.push(scope.clone());
            }
            let (wait, opened) = match gauge.open_until {
                Some(until) => (until - now, false),
                None if gauge.sent.len() >= *most => (gauge.open(now, window), true),
                None => continue,
            };
            // Whoever closes is told of by the message that goes; this one does not.
            for scope in closed {
                if let Some(gauge) = gauges.get_mut(&scope).filter(|gauge| gauge.open_until.is_none()) {
                    gauge.open_until = Some(now);
                }
            }
            return Admission::Wait {
                scope: scope.clone(),
                wait,
                opened,
            };
        }
        for (scope, _) in scopes {
            gauges.entry(scope).or_default().sent.push_back(now);
        }
        Admission::Go { closed }
    }

    /// For how long news have to wait, so that they leave room for what somebody waits for: they never open it.
    pub fn news_wait(&self, role: Role, room: &RoomId, now: Instant) -> Option<Duration> {
        let (mut gauges, window) = (self.gauges(), self.config.window);
        let waits = self.scopes(role, room).into_iter().filter_map(|(scope, most)| {
            let gauge = gauges.get_mut(&scope)?;
            // One that is open, or about to close, is for `admit` to deal with.
            if gauge.open_until.is_some() {
                return None;
            }
            gauge.refresh(now, window);
            let share = (most - most / 4).max(1);
            let over = gauge.sent.len().checked_sub(share)?;
            Some(*gauge.sent.get(over)? + window - now)
        });
        waits.max()
    }

    /// A message that was admitted at `at` was not sent.
    pub fn unsent(&self, role: Role, room: &RoomId, at: Instant) {
        let mut gauges = self.gauges();
        for (scope, _) in self.scopes(role, room) {
            if let Some(gauge) = gauges.get_mut(&scope)
                && let Some(place) = gauge.sent.iter().position(|sent| *sent == at)
            {
                gauge.sent.remove(place);
            }
        }
    }

    /// Whether it is open for this.
    pub fn is_open_for(&self, scope: &Scope) -> bool {
        let (gauges, now) = (self.gauges(), Instant::now());
        let until = gauges.get(scope).and_then(|gauge| gauge.open_until);
        until.is_some_and(|until| now < until)
    }

    /// Whether it is open for anything.
    pub fn is_open(&self) -> bool {
        let now = Instant::now();
        let open = |gauge: &Gauge| gauge.open_until.is_some_and(|until| now < until);
        self.gauges().values().any(open)
    }

    fn scopes(&self, role: Role, room: &RoomId) -> [(Scope, usize); 2] {
        let most = |rooms: u32| usize::try_from(self.config.messages.saturating_mul(rooms)).unwrap_or(usize::MAX);
        [
            (Scope::Room(role, room.to_owned()), most(1)),
            (Scope::Identity(role), most(ROOMS)),
        ]
    }

    fn gauges(&self) -> MutexGuard<'_, HashMap<Scope, Gauge>> {
        self.gauges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use matrix_sdk::ruma::room_id;

    use super::*;

    const WINDOW: Duration = Duration::from_secs(10);
    const BOT: Role = Role::Approver;

    fn breaker() -> Breaker {
        Breaker::new(BreakerConfig {
            messages: 3,
            window: WINDOW,
        })
    }

    fn go() -> Admission {
        Admission::Go { closed: Vec::new() }
    }

    fn room_of(number: usize) -> OwnedRoomId {
        OwnedRoomId::try_from(format!("!{number}:hs")).unwrap()
    }

    fn wait_of(admission: Admission) -> (Duration, bool) {
        match admission {
            Admission::Wait { wait, opened, .. } => (wait, opened),
            Admission::Go { .. } => panic!("it went"),
        }
    }

    #[test]
    fn a_steady_pace_never_opens_it() {
        let (breaker, start) = (breaker(), Instant::now());
        for step in 0..100 {
            let now = start + Duration::from_secs(4 * step);
            assert_eq!(breaker.admit(BOT, room_id!("!a:hs"), now), go());
        }
    }

    #[test]
    fn one_message_too_many_opens_it_once_and_a_cool_down_closes_it() {
        let (breaker, start, room) = (breaker(), Instant::now(), room_id!("!a:hs"));
        for _ in 0..3 {
            assert_eq!(breaker.admit(BOT, room, start), go());
        }
        assert_eq!(wait_of(breaker.admit(BOT, room, start)), (WINDOW, true));
        let later = start + Duration::from_secs(6);
        assert_eq!(
            wait_of(breaker.admit(BOT, room, later)),
            (Duration::from_secs(4), false)
        );
        let closed = vec![Scope::Room(BOT, room.to_owned())];
        assert_eq!(breaker.admit(BOT, room, start + WINDOW), Admission::Go { closed });
        assert_eq!(breaker.admit(BOT, room, start + WINDOW), go());
    }

    #[test]
    fn a_loop_rests_longer_each_time() {
        let (breaker, room) = (breaker(), room_id!("!a:hs"));
        let mut now = Instant::now();
        let mut rests = Vec::new();
        while rests.len() < 9 {
            match breaker.admit(BOT, room, now) {
                Admission::Go { .. } => {}
                Admission::Wait { wait, .. } => {
                    rests.push(wait.as_secs());
                    now += wait;
                }
            }
        }
        assert_eq!(rests, [10, 20, 40, 80, 160, 320, 640, 900, 900]);
    }

    #[test]
    fn one_room_does_not_silence_another_nor_one_identity_another() {
        let (breaker, now) = (breaker(), Instant::now());
        for _ in 0..3 {
            breaker.admit(BOT, &room_of(0), now);
        }
        assert!(wait_of(breaker.admit(BOT, &room_of(0), now)).1);
        assert_eq!(breaker.admit(BOT, &room_of(1), now), go());
        assert_eq!(breaker.admit(Role::Onboarding, &room_of(0), now), go());
    }

    #[test]
    fn many_rooms_together_are_bounded_too() {
        let (breaker, now) = (breaker(), Instant::now());
        let admitted = (0..100).filter(|room| breaker.admit(BOT, &room_of(*room), now) == go());
        assert_eq!(admitted.count(), 12);
    }

    #[test]
    fn news_leave_room_for_others_and_never_open_it() {
        let (breaker, start, room) = (breaker(), Instant::now(), room_id!("!a:hs"));
        assert_eq!(breaker.news_wait(BOT, room, start), None);
        for second in 0..3 {
            let now = start + Duration::from_secs(second);
            assert_eq!(breaker.news_wait(BOT, room, now), None);
            assert_eq!(breaker.admit(BOT, room, now), go());
        }
        let now = start + Duration::from_secs(4);
        assert_eq!(breaker.news_wait(BOT, room, now), Some(Duration::from_secs(6)));
        assert_eq!(breaker.news_wait(BOT, room_id!("!b:hs"), now), None);
        assert!(!breaker.is_open());
        let later = start + WINDOW;
        assert_eq!(breaker.news_wait(BOT, room, later), None);
    }

    #[test]
    fn only_what_was_sent_counts() {
        let (breaker, now, room) = (breaker(), Instant::now(), room_id!("!a:hs"));
        for _ in 0..50 {
            assert_eq!(breaker.admit(BOT, room, now), go());
            breaker.unsent(BOT, room, now);
        }
    }

    #[test]
    fn rooms_in_which_nothing_goes_on_are_forgotten() {
        let (breaker, start) = (breaker(), Instant::now());
        for number in 0..2000 {
            let now = start + Duration::from_secs(number as u64);
            breaker.admit(BOT, &room_of(number), now);
        }
        assert!(breaker.gauges().len() <= MANY + 2);
    }
}
