use serde::{Deserialize, Serialize};

use crate::fault::{Expectation, Logins, NewDevice, Outcome};

/// What the bot may and must make of a fault: an [`Expectation`] as it stands in a history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// What becomes of the bot.
    pub outcome: AllowedOutcome,
    /// Its device.
    pub device: NewDevice,
    /// Its logins.
    pub logins: AllowedLogins,
    /// Whether the homeserver is away for a while.
    pub downtime: bool,
    /// Milliseconds that healing may take.
    pub within_ms: u64,
}

/// What becomes of the bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AllowedOutcome {
    /// It heals by itself.
    Heals,
    /// It must say that it needs the operator.
    NeedsOperator {
        /// Words, any of which the next step must hold.
        next_step_says: Vec<String>,
        /// How many logins it may try before the cure.
        tries: usize,
    },
    /// It serves on, and must say what is weaker.
    ServesDegraded {
        /// Words, any of which the note must hold.
        note_says: Vec<String>,
    },
}

/// How often the bot may log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AllowedLogins {
    /// Answered with 200.
    pub succeeded: usize,
    /// Whatever the answer.
    pub tried: usize,
}

impl From<&Expectation> for Allowed {
    fn from(expectation: &Expectation) -> Self {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
        Self {
            outcome: match expectation.outcome {
                Outcome::Heals => AllowedOutcome::Heals,
                Outcome::NeedsOperator { next_step_says, tries } => AllowedOutcome::NeedsOperator {
                    next_step_says: words(next_step_says),
                    tries,
                },
                Outcome::ServesDegraded { note_says } => AllowedOutcome::ServesDegraded {
                    note_says: words(note_says),
                },
            },
            device: expectation.device,
            logins: match expectation.logins {
                Logins::None => AllowedLogins { succeeded: 0, tried: 0 },
                Logins::AtMost { succeeded, tried } => AllowedLogins { succeeded, tried },
            },
            downtime: expectation.downtime,
            within_ms: u64::try_from(expectation.within.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
