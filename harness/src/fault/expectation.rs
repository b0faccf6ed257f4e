use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What becomes of the bot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It heals by itself.
    Heals,
    /// It must say that it needs the operator, with a next step that holds one of these words; and heals after [`cure`](super::Fault::cure).
    NeedsOperator {
        /// Words, any of which the next step must hold.
        next_step_says: &'static [&'static str],
        /// How many logins it may try before the cure.
        tries: usize,
    },
    /// It serves on, and must say in `/ready` what is weaker, with a cure; and is whole after [`cure`](super::Fault::cure).
    ServesDegraded {
        /// Words, any of which the note must hold.
        note_says: &'static [&'static str],
    },
}

/// Whether the bot may have another device afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NewDevice {
    /// It must keep its device.
    Never,
    /// Its device was lost: another one is right, and so is the old id.
    Allowed,
    /// What it knew of its device was lost: it must take another one.
    Must,
}

/// How often the bot may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Logins {
    /// A token lived all the time: never.
    None,
    /// So many successful ones at most, and so many tries in all.
    AtMost {
        /// Answered with 200.
        succeeded: usize,
        /// Whatever the answer.
        tried: usize,
    },
}

/// What is expected after a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Expectation {
    /// What becomes of the bot.
    pub outcome: Outcome,
    /// Its device.
    pub device: NewDevice,
    /// Its logins.
    pub logins: Logins,
    /// Whether the homeserver is away for a while.
    pub downtime: bool,
    /// Whether what follows is waiting more than work: for a server that is away, or for the operator.
    pub waits: bool,
    /// How long healing may take, counted from the injection.
    pub within: Duration,
}

impl Expectation {
    /// A token lived all the time: nothing may change.
    pub const fn unharmed() -> Self {
        Self {
            outcome: Outcome::Heals,
            device: NewDevice::Never,
            logins: Logins::None,
            downtime: false,
            waits: false,
            within: Duration::from_secs(30),
        }
    }

    /// The token is dead: one login, on the device if it lives. The time is that of a long poll, after which a bot that has nothing to do
    /// learns of it, and of a heal.
    pub const fn one_login(device: NewDevice) -> Self {
        Self {
            device,
            logins: Logins::AtMost { succeeded: 1, tried: 1 },
            ..Self::unharmed()
        }
        .within(60)
    }

    /// So many logins at most.
    #[must_use]
    pub const fn logins(mut self, succeeded: usize, tried: usize) -> Self {
        self.logins = Logins::AtMost { succeeded, tried };
        self
    }

    /// It cannot heal alone.
    #[must_use]
    pub const fn needs_operator(mut self, next_step_says: &'static [&'static str], tries: usize) -> Self {
        self.outcome = Outcome::NeedsOperator { next_step_says, tries };
        self.waits()
    }

    /// It serves on, weaker than it should be.
    #[must_use]
    pub const fn serves_degraded(mut self, note_says: &'static [&'static str]) -> Self {
        self.outcome = Outcome::ServesDegraded { note_says };
        self
    }

    /// The device is another one, or the same.
    #[must_use]
    pub const fn device(mut self, device: NewDevice) -> Self {
        self.device = device;
        self
    }

    /// The homeserver is away for a while.
    #[must_use]
    pub const fn downtime(mut self) -> Self {
        self.downtime = true;
        self
    }

    /// It takes long without keeping a processor busy.
    #[must_use]
    pub const fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    /// For so many accounts at once.
    #[must_use]
    pub const fn for_accounts(mut self, count: usize) -> Self {
        if let Logins::AtMost { succeeded, tried } = self.logins {
            self.logins = Logins::AtMost {
                succeeded: succeeded * count,
                tried: tried * count,
            };
        }
        if let Outcome::NeedsOperator { next_step_says, tries } = self.outcome {
            self.outcome = Outcome::NeedsOperator {
                next_step_says,
                tries: tries * count,
            };
        }
        self
    }

    /// Longer, or less long.
    #[must_use]
    pub const fn within(mut self, seconds: u64) -> Self {
        self.within = Duration::from_secs(seconds);
        self
    }
}
