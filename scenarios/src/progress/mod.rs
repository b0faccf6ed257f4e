//! Live progress of a run: moving lines on a terminal, plain lines elsewhere.

mod bars;
mod lines;

use std::{
    io::{IsTerminal, Write, stdout},
    sync::Arc,
};

pub use bars::Bars;
pub use lines::Lines;

use crate::{report::Record, step::Watcher};

/// Told what becomes of a run, as it happens.
pub trait Progress: Send + Sync {
    /// One line about the run itself: which homeserver was taken, that the bot is being built.
    fn say(&self, line: &str);
    /// A drill begins; what is answered is told about its steps.
    fn began(&self, name: &str) -> Arc<dyn DrillProgress>;
}

/// Told about one drill.
pub trait DrillProgress: Watcher {
    /// What the drill does outside of its steps: starting a homeserver, waiting for the bot to heal, checking.
    fn doing(&self, what: &str);
    /// The drill has ended.
    fn done(&self, record: &Record);
}

/// The progress that suits standard output, for a run of `total` drills.
pub fn for_stdout(total: usize) -> Box<dyn Progress> {
    if stdout().is_terminal() {
        Box::new(Bars::new(total))
    } else {
        Box::new(Lines::new(stdout(), total))
    }
}

/// A writer that several drills share.
type Shared = Arc<std::sync::Mutex<dyn Write + Send>>;

/// Nobody is told anything.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Progress for Silent {
    fn say(&self, _: &str) {}
    fn began(&self, _: &str) -> Arc<dyn DrillProgress> {
        Arc::new(Self)
    }
}

impl Watcher for Silent {
    fn began(&self, _: &str, _: usize, _: usize) {}
    fn ended(&self, _: &crate::step::Step) {}
}

impl DrillProgress for Silent {
    fn doing(&self, _: &str) {}
    fn done(&self, _: &Record) {}
}
