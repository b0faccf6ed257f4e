//! What a server prints.

use std::{
    fmt,
    fs::{self, File},
    io::{self, PipeReader, Read as _, Write as _},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use crate::secrets::Secrets;

/// How many lines a failure shows.
const SHOWN: usize = 30;
/// How long the last lines of a server that has ended may take to be read. Longer only where something that it started lives on.
const DRAINING: Duration = Duration::from_secs(2);

/// What a server prints, over all its starts: as it is in memory, and with secrets masked in a file. All clones are the same log.
#[derive(Clone)]
pub(super) struct Log(Arc<Inner>);

struct Inner {
    path: PathBuf,
    secrets: Secrets,
    printed: Mutex<Printed>,
    ended: Condvar,
}

struct Printed {
    text: Vec<u8>,
    /// How much of it is in the file: whole lines.
    written: usize,
    file: File,
    /// How many pipes are read.
    open: usize,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log")
            .field("path", &self.0.path)
            .finish_non_exhaustive()
    }
}

impl Log {
    /// Makes the folder and an empty file, if they are not there.
    pub(super) fn create(folder: &Path, secrets: Secrets) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join("homeserver.log");
        let file = File::options().create(true).append(true).open(&path)?;
        let printed = Mutex::new(Printed {
            text: Vec::new(),
            written: 0,
            file,
            open: 0,
        });
        Ok(Self(Arc::new(Inner {
            path,
            secrets,
            printed,
            ended: Condvar::new(),
        })))
    }

    /// Something that must not be read in the file.
    pub(super) fn hide(&self, label: &str, secret: &str) {
        self.0.secrets.add_given(label, secret);
    }

    /// The file.
    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// A pipe for a process: what goes into it is printed.
    pub(super) fn pipe(&self) -> io::Result<File> {
        let (reader, writer) = io::pipe()?;
        self.0.printed().open += 1;
        let log = self.clone();
        let begun = thread::Builder::new()
            .name("homeserver-log".to_owned())
            .spawn(move || log.0.collect(reader));
        match begun {
            Ok(_) => Ok(OwnedFd::from(writer).into()),
            Err(error) => {
                self.0.end();
                Err(error)
            }
        }
    }

    /// Something is printed.
    pub(super) fn print(&self, bytes: &[u8]) {
        self.0.print(bytes);
    }

    /// How much was printed, in bytes: a mark from which [`Self::since`] reads.
    pub(super) fn mark(&self) -> usize {
        self.0.printed().text.len()
    }

    /// What was printed since a mark, as it is, without ANSI escapes.
    pub(super) fn since(&self, mark: usize) -> String {
        let printed = self.0.printed();
        strip_ansi_escapes::strip_str(String::from_utf8_lossy(printed.text.get(mark..).unwrap_or_default()))
    }

    /// The last lines printed since a mark, masked, for an error. Of a server that has ended they are all there.
    pub(super) fn last_lines(&self, mark: usize) -> String {
        let text = self.0.secrets.mask(&self.since(mark));
        let lines: Vec<&str> = text.lines().collect();
        let shown = &lines[lines.len().saturating_sub(SHOWN)..];
        if shown.is_empty() {
            return "  (nothing was printed)".to_owned();
        }
        shown
            .iter()
            .map(|line| format!("  {line}"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    /// Waits until all that a process which has ended printed is read.
    pub(super) fn drain(&self) {
        let printed = self.0.printed();
        let waited = self
            .0
            .ended
            .wait_timeout_while(printed, DRAINING, |printed| printed.open > 0);
        drop(waited);
    }
}

impl Inner {
    fn printed(&self) -> MutexGuard<'_, Printed> {
        self.printed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn collect(&self, mut reader: PipeReader) {
        let mut bytes = [0; 8192];
        while let Ok(read @ 1..) = reader.read(&mut bytes) {
            self.print(&bytes[..read]);
        }
        self.end();
    }

    fn end(&self) {
        self.printed().open -= 1;
        self.ended.notify_all();
    }

    /// A secret may stand across two reads, but in one line.
    fn print(&self, bytes: &[u8]) {
        let mut printed = self.printed();
        printed.text.extend_from_slice(bytes);
        let new = &printed.text[printed.written..];
        let Some(end) = new.iter().rposition(|byte| *byte == b'\n') else {
            return;
        };
        let masked = self.secrets.mask(&String::from_utf8_lossy(&new[..=end]));
        printed.written += end + 1;
        if let Err(error) = printed.file.write_all(masked.as_bytes()) {
            tracing::warn!(%error, "a line of the homeserver's log is lost");
        }
    }
}

impl Drop for Inner {
    /// A secret may become known only after it was printed. Where the file is gone nobody wants it.
    fn drop(&mut self) {
        let text = &self.printed().text;
        if text.is_empty() || !self.path.exists() {
            return;
        }
        let masked = self.secrets.mask(&String::from_utf8_lossy(text));
        if let Err(error) = fs::write(&self.path, masked) {
            tracing::warn!(%error, "the homeserver's log could not be masked again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(secrets: &Secrets) -> (tempfile::TempDir, Log) {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::create(folder.path(), secrets.clone()).unwrap();
        (folder, log)
    }

    #[test]
    fn colours_are_taken_out() {
        let (_folder, log) = log(&Secrets::default());
        log.print("using the token \u{1b}[1;32mabcDEF\u{1b}[0m . Pick".as_bytes());
        assert_eq!(log.since(0), "using the token abcDEF . Pick");
    }

    #[test]
    fn only_what_came_after_the_mark_is_read() {
        let (_folder, log) = log(&Secrets::default());
        log.print(b"first start\n");
        let mark = log.mark();
        let mut pipe = log.pipe().unwrap();
        pipe.write_all(b"second start\n").unwrap();
        drop(pipe);
        log.drain();
        assert_eq!(log.since(mark), "second start\n");
        assert_eq!(log.last_lines(mark), "  second start");
    }

    #[test]
    fn what_is_printed_is_masked_in_the_file_and_known_as_it_is() {
        let secrets = Secrets::default();
        secrets.add("password", "correct horse");
        let (_folder, log) = log(&secrets);
        log.print(b"login with correct ");
        log.print(b"horse\nnext");
        let on_disk = || fs::read_to_string(log.path()).unwrap();
        assert!(on_disk().starts_with("login with ") && !on_disk().contains("horse"));
        assert!(log.since(0).contains("correct horse"));
        assert!(!log.last_lines(0).contains("horse"));
    }

    #[test]
    fn what_becomes_known_as_a_secret_later_is_masked_in_the_end() {
        let secrets = Secrets::default();
        let (_folder, log) = log(&secrets);
        log.print(b"the recovery key is EsTc abcd\nand the end of it");
        secrets.add("recovery key", "EsTc abcd");
        let path = log.path().to_owned();
        drop(log);
        let text = fs::read_to_string(path).unwrap();
        assert!(!text.contains("EsTc") && text.ends_with("and the end of it"), "{text}");
    }
}
