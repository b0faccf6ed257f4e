use std::{collections::BTreeMap, fs, io, path::Path, time::Duration};

use super::{Entry, Event, Exit, Output, Seen, Subject};
use crate::{check::Snapshot, front_door::Exchange, step::Step};

/// Why a history cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("the history cannot be read: {0}")]
    Io(#[from] io::Error),
    /// A line is no entry.
    #[error("line {number} of the history is no entry: {source}")]
    Line {
        /// Its number, from 1.
        number: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// A history read back.
#[derive(Clone, Debug, Default)]
pub struct Record {
    entries: Vec<Entry>,
}

impl Record {
    /// Reads a file. A last line that was being written when the writer was killed is left out.
    ///
    /// # Errors
    ///
    /// When there is none, or a line is no entry.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let text = fs::read_to_string(file)?;
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        Self::parse(whole.lines())
    }

    /// From lines.
    ///
    /// # Errors
    ///
    /// When one is no entry.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a str>) -> Result<Self, Error> {
        let entry = |(number, line): (usize, &str)| {
            serde_json::from_str(line).map_err(|source| Error::Line {
                number: number + 1,
                source,
            })
        };
        let entries = lines.into_iter().enumerate().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { entries })
    }

    /// Of these entries, in the order in which they happened: for tests of checks.
    pub fn of(entries: Vec<Entry>) -> Self {
        Self { entries }
    }

    /// Everything, in the order in which it happened.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The events, in the order in which they happened.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &Event> {
        self.entries.iter().map(|entry| &entry.event)
    }

    /// Who is tested.
    pub fn subject(&self) -> Subject {
        let subject = self.events().find_map(|event| match event {
            Event::Subject(subject) => Some(subject.clone()),
            _ => None,
        });
        subject.unwrap_or_default()
    }

    /// Every exchange, as it was in the end, in the order in which the requests came.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let mut exchanges = BTreeMap::new();
        for event in self.events() {
            if let Event::Request(exchange) | Event::Answer(exchange) = event {
                exchanges.insert(exchange.seq, exchange.clone());
            }
        }
        exchanges.into_values().collect()
    }

    /// The looks at the world of that name.
    pub fn looks(&self, name: &str) -> impl DoubleEndedIterator<Item = &Snapshot> {
        self.events().filter_map(move |event| match event {
            Event::Look { when, snapshot } if when == name => Some(snapshot.as_ref()),
            _ => None,
        })
    }

    /// How the bot's processes ended.
    pub fn exits(&self) -> impl Iterator<Item = &Exit> {
        self.events().filter_map(|event| match event {
            Event::Exited(exit) => Some(exit),
            _ => None,
        })
    }

    /// The lines that the bot printed.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.events().filter_map(|event| match event {
            Event::Line { text, .. } => Some(text.as_str()),
            _ => None,
        })
    }

    /// The steps of the scenario: those that ran, in order, then those that were never reached.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.events().filter_map(|event| match event {
            Event::Step(step) => Some(step),
            _ => None,
        })
    }

    /// What happened, for people: a line for each note, with the time since the history began.
    pub fn story(&self) -> String {
        let line = |entry: &Entry| match &entry.event {
            Event::Note { what, detail } if detail.is_null() => Some(at(entry, what)),
            Event::Note { what, detail } => Some(at(entry, &format!("{what}  {detail}"))),
            _ => None,
        };
        self.entries.iter().filter_map(line).collect()
    }

    /// What was searched for secrets as a whole.
    pub fn outputs(&self) -> impl Iterator<Item = &Output> {
        self.events().filter_map(|event| match event {
            Event::Output(output) => Some(output),
            _ => None,
        })
    }

    /// What people's clients have seen of all rooms, the last time somebody looked.
    pub fn sight(&self) -> Option<&Seen> {
        self.events().rev().find_map(|event| match event {
            Event::Sight(seen) => Some(seen),
            _ => None,
        })
    }
}

fn at(entry: &Entry, what: &str) -> String {
    format!("{:>9.3} s  {what}\n", Duration::from_millis(entry.at_ms).as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_cut_off_by_a_kill_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.jsonl");
        fs::write(&file, "{\"at_ms\":1,\"is\":\"whole\"}\n{\"at_ms\":2,\"is\":\"who").unwrap();
        assert_eq!(Record::read(&file).unwrap().entries().len(), 1);
    }

    #[test]
    fn a_line_that_is_no_entry_is_named() {
        let error = Record::parse(["{\"at_ms\":1,\"is\":\"whole\"}", "{}"]).unwrap_err();
        assert!(error.to_string().starts_with("line 2"), "{error}");
    }
}
