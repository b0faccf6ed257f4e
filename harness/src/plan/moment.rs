//! When a fault happens, in words.

use std::{fmt, str::FromStr};

use crate::fault::Moment;

/// What a drill breaks, when, and for whom.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Injection {
    /// The fault's name.
    pub fault: String,
    /// When it happens.
    pub moment: Moment,
    /// The names of the identities that it hits, all at once; none for the first alone.
    pub identities: Vec<String>,
}

impl Injection {
    /// A fault that hits the first identity.
    pub fn new(fault: impl Into<String>, moment: Moment) -> Self {
        Self {
            fault: fault.into(),
            moment,
            identities: Vec::new(),
        }
    }

    /// The same for these identities.
    #[must_use]
    pub fn hitting(self, identities: &[String]) -> Self {
        Self {
            identities: identities.to_vec(),
            ..self
        }
    }
}

impl fmt::Display for Injection {
    /// As it stands in a schedule: `device-deleted/at-boot`. The identities are those of the whole schedule.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.fault, self.moment)
    }
}

/// Words that are no fault at a moment.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not FAULT/MOMENT, as device-deleted/at-boot is")]
pub struct BadInjection(String);

impl FromStr for Injection {
    type Err = BadInjection;

    fn from_str(words: &str) -> Result<Self, Self::Err> {
        let parts = words.trim().split_once('/');
        let found = parts.and_then(|(fault, moment)| Some(Self::new(fault, moment_named(moment)?)));
        found.ok_or_else(|| BadInjection(words.to_owned()))
    }
}

/// What a moment means, in one line.
pub const fn meaning(moment: Moment) -> &'static str {
    match moment {
        Moment::FirstBoot => "the bot has never run, the fault happens, the bot starts for the first time",
        Moment::AtBoot => "the bot has worked, is stopped, the fault happens, the bot starts",
        Moment::WhileRunning => "the bot runs and has nothing to do",
        Moment::InTheMiddle => "the bot runs and users are half way through the scenario",
        Moment::Passage(_) => {
            "the bot has worked, is stopped and starts again, and the fault happens while a request of it is held: before the homeserver \
             sees it, or before the bot sees the reply"
        }
    }
}

/// The moment of that name.
pub fn moment_named(name: &str) -> Option<Moment> {
    let plain = Moment::ALL.into_iter().find(|moment| moment.name().as_ref() == name);
    plain.or_else(|| Some(Moment::Passage(name.parse().ok()?)))
}
