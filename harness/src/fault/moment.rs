use std::{borrow::Cow, fmt};

use super::Passage;

/// When a fault happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// The bot has never run; the fault happens; the bot starts for the first time.
    FirstBoot,
    /// The bot has worked, is stopped, the fault happens, the bot starts.
    AtBoot,
    /// The bot runs and has nothing to do.
    WhileRunning,
    /// The bot runs and users are half way through the scenario.
    InTheMiddle,
    /// The bot has worked, is stopped and starts again; the fault happens while a request of its start is held.
    Passage(Passage),
}

impl Moment {
    /// All moments but those of the traffic, in the order in which they are listed to people.
    pub const ALL: [Self; 4] = [Self::FirstBoot, Self::AtBoot, Self::WhileRunning, Self::InTheMiddle];

    /// The name used on the command line, in output and in file names.
    pub fn name(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::FirstBoot => "first-boot",
            Self::AtBoot => "at-boot",
            Self::WhileRunning => "while-running",
            Self::InTheMiddle => "in-the-middle",
            Self::Passage(passage) => return Cow::Owned(passage.to_string()),
        })
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}
