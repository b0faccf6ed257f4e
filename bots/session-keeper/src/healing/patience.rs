//! How long to wait.

use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};

use super::AccountBlock;

/// The delay after so many others, each so many times the one before, up to the longest.
pub(crate) fn growing(first: Duration, factor: f32, longest: Duration, after: u32) -> Duration {
    let mut delays = ExponentialBuilder::new()
        .with_min_delay(first)
        .with_factor(factor)
        .with_max_delay(longest)
        .without_max_times()
        .build();
    // More than this reach the longest from any first one.
    delays.nth(after.min(64) as usize).unwrap_or(longest)
}

/// Capped exponential back-off with jitter.
#[derive(Clone, Debug, Default)]
pub struct Backoff {
    attempt: u32,
}

impl Backoff {
    /// The first delay.
    pub const FIRST: Duration = Duration::from_millis(250);
    /// The longest delay of its own; a server's wish can be longer.
    pub const CAP: Duration = Duration::from_secs(15);
    /// Each delay is so many times the one before. It grows gently: most outages are short, and a long delay notices their end
    /// late.
    const FACTOR: f32 = 1.6;
    /// The part of a delay that is left to chance.
    const JITTER: f64 = 0.25;

    /// The next delay: at least `at_least` (what the server asked for). `chance` is in `0.0..=1.0`.
    pub fn next(&mut self, at_least: Duration, chance: f64) -> Duration {
        let plain = growing(Self::FIRST, Self::FACTOR, Self::CAP, self.attempt);
        self.attempt = self.attempt.saturating_add(1);
        let jitter = Self::JITTER * chance.clamp(0.0, 1.0);
        // A server's wish is a lower bound: chance may only lengthen it, or a crowd would return at once.
        at_least.mul_f64(1.0 + jitter).max(plain.mul_f64(1.0 - jitter))
    }

    /// After a success.
    pub fn reset(&mut self) {
        self.attempt = 0;
    }
}

/// Whether a password may be tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum May {
    /// Yes.
    Try,
    /// Not before so long from now.
    Wait(Duration),
}

/// How rarely a login is tried again that failed for a reason which may go away by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    first: Duration,
    longest: Duration,
}

impl Pace {
    /// The password was refused: the account may have been given this very one meanwhile.
    pub const PASSWORD: Self = Self::new(15 * 60, 6 * 3600);
    /// The login was refused for no known reason, or this server takes no passwords.
    pub const LOGIN: Self = Self::new(60, 6 * 3600);
    /// The account waits for a person, who does not come to this machine afterwards.
    pub const BLOCKED: Self = Self::new(5, 5 * 60);

    /// The account is barred. Who brings a deactivated one back gives it a new password; any other bar is lifted without a word to this
    /// machine.
    pub const fn of_block(block: AccountBlock) -> Self {
        match block {
            AccountBlock::Deactivated => Self::PASSWORD,
            _ => Self::BLOCKED,
        }
    }

    const fn new(first: u64, longest: u64) -> Self {
        Self {
            first: Duration::from_secs(first),
            longest: Duration::from_secs(longest),
        }
    }

    /// The wait after the first failure; it doubles.
    pub const fn first(self) -> Duration {
        self.first
    }

    fn wait(self, count: u32) -> Duration {
        growing(self.first, 2.0, self.longest, count.saturating_sub(1))
    }
}

/// One try for each change of the password file, then rare retries. `F` is what tells one state of the file from another.
#[derive(Clone, Debug)]
pub struct PasswordThrottle<F> {
    refused: Option<Refused<F>>,
}

#[derive(Clone, Debug)]
struct Refused<F> {
    file: F,
    pace: Pace,
    count: u32,
    at: Duration,
}

impl<F> Default for PasswordThrottle<F> {
    fn default() -> Self {
        Self { refused: None }
    }
}

impl<F: PartialEq> PasswordThrottle<F> {
    /// Whether the file in this state may be tried at `now` (a monotonic time).
    pub fn may(&self, file: &F, now: Duration) -> May {
        match &self.refused {
            Some(refused) if refused.file == *file => {
                let due = refused.at + refused.pace.wait(refused.count);
                if now >= due { May::Try } else { May::Wait(due - now) }
            }
            _ => May::Try,
        }
    }

    /// The file in this state was refused at `now`.
    pub fn refused(&mut self, file: F, pace: Pace, now: Duration) {
        let count = match &self.refused {
            Some(refused) if refused.file == file && refused.pace == pace => refused.count.saturating_add(1),
            _ => 1,
        };
        self.refused = Some(Refused {
            file,
            pace,
            count,
            at: now,
        });
    }

    /// A login succeeded, or what was in its way is gone.
    pub fn accepted(&mut self) {
        self.refused = None;
    }
}

/// Notices that fresh tokens die again and again within seconds, because somebody else logs in on the same device.
#[derive(Clone, Debug, Default)]
pub struct Contention {
    born: Option<Duration>,
    short_lives: u32,
}

impl Contention {
    /// A token that dies this soon after its login did not die of old age.
    pub const SHORT_LIFE: Duration = Duration::from_secs(10);
    /// So many short lives in a row are no coincidence.
    pub const MANY: u32 = 4;
    /// How long to leave the device to the other before one more try.
    pub const COOL_DOWN: Duration = Duration::from_secs(10 * 60);

    /// A login made a token at `now` (a monotonic time).
    pub fn born(&mut self, now: Duration) {
        self.born = Some(now);
    }

    /// The token in use was found dead at `now`.
    pub fn died(&mut self, now: Duration) {
        match self.born.take() {
            Some(born) if now.saturating_sub(born) <= Self::SHORT_LIFE => self.short_lives += 1,
            _ => self.short_lives = 0,
        }
    }

    /// Whether to stop fighting.
    pub fn contested(&self) -> bool {
        self.short_lives >= Self::MANY
    }

    /// After a cool-down: one more short life and it is contested again.
    pub fn after_cool_down(&mut self) {
        self.short_lives = Self::MANY - 1;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::{AccountBlock, Backoff, Contention, May, Pace, PasswordThrottle};

    const SECOND: Duration = Duration::from_secs(1);

    proptest! {
        #[test]
        fn a_delay_is_never_longer_than_the_cap_nor_shorter_than_the_server_wants(
            attempts in 0usize..200, chance in 0.0f64..=1.0, wanted in 0u64..7200,
        ) {
            let mut backoff = Backoff::default();
            for _ in 0..attempts {
                let delay = backoff.next(Duration::ZERO, chance);
                prop_assert!(delay <= Backoff::CAP);
                prop_assert!(delay >= Backoff::FIRST.mul_f64(0.74));
            }
            let wanted = Duration::from_secs(wanted);
            prop_assert!(backoff.next(wanted, chance) >= wanted);
        }

        #[test]
        fn however_often_it_is_asked_a_refused_password_is_tried_rarely(steps in proptest::collection::vec(1u64..600, 1..500)) {
            let (mut throttle, mut now, mut tries) = (PasswordThrottle::<u8>::default(), Duration::ZERO, 0u32);
            for step in steps {
                now += Duration::from_secs(step);
                if throttle.may(&7, now) == May::Try {
                    tries += 1;
                    throttle.refused(7, Pace::PASSWORD, now);
                }
            }
            let most = 1 + now.as_secs() / Pace::PASSWORD.first().as_secs();
            prop_assert!(u64::from(tries) <= most, "{tries} tries in {now:?}");
        }
    }

    #[test]
    fn delays_grow_and_start_again_after_a_success() {
        let mut backoff = Backoff::default();
        let delays = (0..12).map(|_| backoff.next(Duration::ZERO, 0.0)).collect::<Vec<_>>();
        assert!(delays.is_sorted());
        assert_eq!(delays.first(), Some(&Backoff::FIRST));
        assert_eq!(delays.last(), Some(&Backoff::CAP));
        backoff.reset();
        assert_eq!(backoff.next(Duration::ZERO, 0.0), Backoff::FIRST);
    }

    #[test]
    fn a_changed_file_is_tried_at_once() {
        let mut throttle = PasswordThrottle::default();
        assert_eq!(throttle.may(&"old", SECOND), May::Try);
        throttle.refused("old", Pace::PASSWORD, SECOND);
        assert_eq!(throttle.may(&"old", SECOND), May::Wait(Pace::PASSWORD.first()));
        assert_eq!(throttle.may(&"new", SECOND), May::Try);
    }

    #[test]
    fn the_same_file_is_tried_again_ever_more_rarely() {
        let mut throttle = PasswordThrottle::default();
        let mut now = Duration::ZERO;
        for wait in [15, 30, 60, 120, 240, 360, 360] {
            throttle.refused("old", Pace::PASSWORD, now);
            let wait = Duration::from_secs(wait * 60);
            assert_eq!(throttle.may(&"old", now), May::Wait(wait));
            now += wait;
            assert_eq!(throttle.may(&"old", now), May::Try);
        }
    }

    #[test]
    fn what_a_person_cures_elsewhere_is_noticed_within_minutes() {
        let (mut throttle, mut now) = (PasswordThrottle::default(), Duration::ZERO);
        for wait in [5, 10, 20, 40, 80, 160, 300, 300] {
            throttle.refused("same", Pace::BLOCKED, now);
            assert_eq!(throttle.may(&"same", now), May::Wait(Duration::from_secs(wait)));
            now += Duration::from_secs(wait);
        }
        throttle.refused("same", Pace::PASSWORD, now);
        assert_eq!(throttle.may(&"same", now), May::Wait(Pace::PASSWORD.first()));
    }

    #[test]
    fn a_bar_that_is_lifted_elsewhere_is_looked_at_sooner_than_a_deactivated_account() {
        assert_eq!(Pace::of_block(AccountBlock::Deactivated), Pace::PASSWORD);
        for block in [
            AccountBlock::Locked,
            AccountBlock::Suspended,
            AccountBlock::Expired,
            AccountBlock::Unapproved,
        ] {
            assert_eq!(Pace::of_block(block), Pace::BLOCKED);
        }
    }

    #[test]
    fn what_is_not_the_passwords_fault_is_tried_again_within_minutes_at_first() {
        let (mut throttle, mut now) = (PasswordThrottle::default(), Duration::ZERO);
        for minutes in [1, 2, 4, 8, 16, 32, 64, 128, 256, 360, 360] {
            throttle.refused("same", Pace::LOGIN, now);
            let wait = Duration::from_secs(minutes * 60);
            assert_eq!(throttle.may(&"same", now), May::Wait(wait));
            now += wait;
        }
    }

    #[test]
    fn after_a_login_the_same_file_may_be_tried_at_once() {
        let mut throttle = PasswordThrottle::default();
        throttle.refused("same", Pace::PASSWORD, SECOND);
        throttle.refused("same", Pace::PASSWORD, SECOND);
        throttle.accepted();
        assert_eq!(throttle.may(&"same", SECOND), May::Try);
        throttle.refused("same", Pace::PASSWORD, SECOND);
        assert_eq!(throttle.may(&"same", SECOND), May::Wait(Pace::PASSWORD.first()));
    }

    #[test]
    fn a_contested_device_is_left_alone_for_ten_minutes() {
        assert_eq!(Contention::COOL_DOWN, SECOND * 600);
    }

    #[test]
    fn short_lives_in_a_row_are_a_rival() {
        let mut contention = Contention::default();
        let mut now = SECOND;
        for _ in 0..Contention::MANY {
            assert!(!contention.contested());
            contention.born(now);
            now += SECOND;
            contention.died(now);
        }
        assert!(contention.contested());
        contention.after_cool_down();
        assert!(!contention.contested());
        contention.born(now);
        contention.died(now + SECOND);
        assert!(contention.contested());
    }

    #[test]
    fn one_long_life_ends_the_suspicion() {
        let mut contention = Contention::default();
        for _ in 0..Contention::MANY - 1 {
            contention.born(SECOND);
            contention.died(SECOND * 2);
        }
        contention.born(SECOND);
        contention.died(SECOND * 60);
        contention.born(SECOND * 61);
        contention.died(SECOND * 62);
        assert!(!contention.contested());
    }

    #[test]
    fn a_token_that_no_login_made_says_nothing_about_a_rival() {
        let mut contention = Contention::default();
        for _ in 0..10 {
            contention.died(SECOND);
        }
        assert!(!contention.contested());
    }
}
