use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use serde_json::Value;

use super::{Entry, Error, Event, Output, Record};
use crate::secrets::{Leak, Secrets};

/// The history of one drill, being written. Cheap to clone; all clones are the same history.
#[derive(Clone, Debug)]
pub struct History(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    began: Instant,
    secrets: Secrets,
    file: Option<PathBuf>,
    written: Mutex<Written>,
}

#[derive(Debug, Default)]
struct Written {
    /// Masked, as on disk.
    lines: Vec<String>,
    open: Option<File>,
}

impl History {
    /// A history in a new file.
    ///
    /// # Errors
    ///
    /// When the file cannot be made.
    pub fn create(file: PathBuf, secrets: Secrets) -> io::Result<Self> {
        let open = Some(File::create(&file)?);
        Ok(Self::new(Some(file), open, secrets))
    }

    /// A history that no file keeps: for what is no drill.
    pub fn in_memory(secrets: Secrets) -> Self {
        Self::new(None, None, secrets)
    }

    fn new(file: Option<PathBuf>, open: Option<File>, secrets: Secrets) -> Self {
        let written = Mutex::new(Written {
            lines: Vec::new(),
            open,
        });
        Self(Arc::new(Inner {
            began: Instant::now(),
            secrets,
            file,
            written,
        }))
    }

    /// The secrets that are masked in it.
    pub fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    /// Adds what happened now. An entry that cannot be written is in memory all the same.
    pub fn add(&self, event: Event) {
        let mut written = self.written();
        // The clock is read under the lock, so that the order of the lines is that of the times.
        let at_ms = u64::try_from(self.0.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let line = match serde_json::to_string(&Entry { at_ms, event }) {
            Ok(line) => self.0.secrets.mask(&line),
            Err(error) => {
                tracing::warn!(%error, "something could not be put into the history");
                return;
            }
        };
        if let Some(file) = &mut written.open
            && let Err(error) = writeln!(file, "{line}")
        {
            tracing::warn!(%error, "the history could not be written");
        }
        written.lines.push(line);
    }

    /// Adds a note.
    pub fn note(&self, what: impl Into<String>) {
        let (what, detail) = (what.into(), Value::Null);
        self.add(Event::Note { what, detail });
    }

    /// Searches something that others than the bot can read, and adds what was found.
    pub fn searched(&self, name: &str, text: &str) {
        self.searched_for(name, text, |_| true);
    }

    /// The same for some of the secrets only.
    pub fn searched_for(&self, name: &str, text: &str, meant: impl Fn(&Leak) -> bool) {
        let leaks = self.0.secrets.leaks(text).into_iter().filter(|leak| meant(leak));
        self.add(Event::Output(Output {
            name: name.to_owned(),
            bytes: text.len(),
            secrets: self.0.secrets.len(),
            leaks: leaks.collect(),
        }));
    }

    /// Looks through everything written so far with what is known now: a secret may become known only after the bot has told it. What is
    /// found is added as an [`Output`] and masked, also on disk.
    ///
    /// # Errors
    ///
    /// When the file cannot be written anew.
    pub fn look_again(&self) -> io::Result<()> {
        let lines = self.written().lines.clone();
        let mut masked = BTreeMap::new();
        for (number, line) in lines.iter().enumerate() {
            let (leaks, clean) = self.0.secrets.leaks_masked(line);
            if !leaks.is_empty() {
                masked.insert(number, clean);
                self.add(Event::Output(Output {
                    name: format!("line {} of the history", number + 1),
                    bytes: line.len(),
                    secrets: self.0.secrets.len(),
                    leaks,
                }));
            }
        }
        if masked.is_empty() {
            return Ok(());
        }
        let mut written = self.written();
        for (number, clean) in masked {
            written.lines[number] = clean;
        }
        if let Some(path) = &self.0.file {
            written.open = Some(rewritten(path, &written.lines)?);
        }
        Ok(())
    }

    /// Everything so far.
    ///
    /// # Errors
    ///
    /// When an entry does not read back as what it was.
    pub fn record(&self) -> Result<Record, Error> {
        let lines = self.written().lines.clone();
        Record::parse(lines.iter().map(String::as_str))
    }

    fn written(&self) -> MutexGuard<'_, Written> {
        self.0.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file with these lines instead of its own, open for more. It is never there half written.
fn rewritten(path: &Path, lines: &[String]) -> io::Result<File> {
    let new = path.with_added_extension("new");
    let mut file = File::create(&new)?;
    for line in lines {
        writeln!(file, "{line}")?;
    }
    fs::rename(&new, path)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(secrets: &Secrets) -> (tempfile::TempDir, PathBuf, History) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("history.jsonl");
        let history = History::create(file.clone(), secrets.clone()).unwrap();
        (folder, file, history)
    }

    #[test]
    fn what_happens_is_on_disk_at_once_and_masked() {
        let secrets = Secrets::default();
        secrets.add("password", "correct horse");
        let (_folder, file, history) = history(&secrets);
        history.note("says correct horse");
        let text = fs::read_to_string(file).unwrap();
        assert!(text.contains("says") && !text.contains("horse"), "{text}");
    }

    #[test]
    fn a_secret_that_becomes_known_later_is_found_and_masked_then() {
        let secrets = Secrets::default();
        let (_folder, file, history) = history(&secrets);
        history.note("the recovery key is EsTc abcd");
        history.note("nothing");
        secrets.add("recovery key", "EsTc abcd");
        history.look_again().unwrap();
        history.note("and on");

        let record = Record::read(&file).unwrap();
        let leaks: Vec<&Leak> = record.outputs().flat_map(|output| &output.leaks).collect();
        assert_eq!(leaks.len(), 1);
        assert_eq!(leaks[0].what, "recovery key");
        assert_eq!(record.entries().len(), 4);
        assert!(!fs::read_to_string(file).unwrap().contains("EsTc abcd"));
    }

    #[test]
    fn the_record_in_memory_is_the_one_on_disk() {
        let (_folder, file, history) = history(&Secrets::default());
        history.add(Event::Started { pid: 7 });
        history.searched("a log", "text");
        let on_disk = serde_json::to_string(Record::read(&file).unwrap().entries()).unwrap();
        let in_memory = serde_json::to_string(history.record().unwrap().entries()).unwrap();
        assert_eq!(on_disk, in_memory);
    }
}
