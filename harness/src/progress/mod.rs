//! Live progress of a run: moving lines on a terminal, plain lines elsewhere.

mod bars;
mod lines;

use std::{
    env, fs,
    io::{self, IsTerminal, Write, stderr, stdout},
    path::Path,
    sync::Arc,
};

use console::Term;

pub use bars::Bars;
pub use lines::Lines;

use crate::{
    report::{Record, Verdict},
    step::Watcher,
};

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

/// Where everything for people goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error: standard output is for programs.
    Err,
}

/// How wide text is where nobody says how wide it may be.
const WIDTH: usize = 80;

impl Stream {
    /// Writes to it. A closed pipe changes nothing of how a run went, so it is no error.
    pub fn write(self, text: &str) {
        let mut writer = self.writer();
        let _ = writer.write_all(text.as_bytes()).and_then(|()| writer.flush());
    }

    fn writer(self) -> Box<dyn Write + Send> {
        match self {
            Self::Out => Box::new(stdout()),
            Self::Err => Box::new(stderr()),
        }
    }

    fn is_terminal(self) -> bool {
        match self {
            Self::Out => stdout().is_terminal(),
            Self::Err => stderr().is_terminal(),
        }
    }

    /// How many columns it has: what the terminal says, else `COLUMNS`, else 80.
    pub fn width(self) -> usize {
        let terminal = match self {
            Self::Out => Term::stdout(),
            Self::Err => Term::stderr(),
        };
        let said = terminal.size_checked().map(|(_, columns)| usize::from(columns));
        let named = || env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
        said.or_else(named).filter(|columns| *columns > 0).unwrap_or(WIDTH)
    }
}

/// The progress that suits a stream, for a run of `total` drills. Where it is `verbose`, a failed drill is told in full at once, with its
/// last requests; else in one line.
pub fn on(stream: Stream, total: usize, verbose: bool) -> Box<dyn Progress> {
    if stream.is_terminal() {
        Box::new(Bars::new(stream, total, verbose))
    } else {
        Box::new(Lines::new(stream.writer(), total, verbose))
    }
}

/// What is said of a drill that has ended.
fn ending(record: &Record, verbose: bool) -> String {
    match record.verdict {
        Verdict::Failed { .. } if verbose => format!("{}{}", record.narrative(), story(record)),
        _ => record.line(),
    }
}

/// What happened in a drill, with its last requests, as it lies in its folder.
fn story(record: &Record) -> String {
    let read = |folder: &String| fs::read_to_string(Path::new(folder).join("story.txt"));
    let story: Option<io::Result<String>> = record.artifacts.as_ref().map(read);
    story.and_then(Result::ok).unwrap_or_default()
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
