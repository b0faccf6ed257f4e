//! When a fault happens, in words.

use crate::fault::Moment;

/// What a drill breaks, and when.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subject {
    /// The fault's name.
    pub fault: String,
    /// When it happens.
    pub moment: Moment,
}

/// What a moment means, in one line.
pub const fn meaning(moment: Moment) -> &'static str {
    match moment {
        Moment::FirstBoot => "the bot has never run, the fault happens, the bot starts for the first time",
        Moment::AtBoot => "the bot has worked, is stopped, the fault happens, the bot starts",
        Moment::WhileRunning => "the bot runs and has nothing to do",
        Moment::InTheMiddle => "the bot runs and users are half way through the scenario",
    }
}

/// The moment of that name.
pub fn moment_named(name: &str) -> Option<Moment> {
    Moment::ALL.into_iter().find(|moment| moment.name() == name)
}
