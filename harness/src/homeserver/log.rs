use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// How many lines a failure shows.
const SHOWN: usize = 30;

/// The file that collects what a server prints, over all its starts.
#[derive(Clone, Debug)]
pub(super) struct Log {
    path: PathBuf,
}

impl Log {
    /// Makes the folder and an empty file, if they are not there.
    pub(super) fn create(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let log = Self {
            path: folder.join("homeserver.log"),
        };
        log.append()?;
        Ok(log)
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The file, opened so that every write goes to its end.
    pub(super) fn append(&self) -> io::Result<fs::File> {
        fs::File::options().create(true).append(true).open(&self.path)
    }

    /// How much is in the file, in bytes: a mark from which [`Self::since`] reads.
    pub(super) fn mark(&self) -> u64 {
        fs::metadata(&self.path).map(|file| file.len()).unwrap_or_default()
    }

    /// What was printed since a mark, without ANSI escapes.
    pub(super) fn since(&self, mark: u64) -> String {
        let bytes = fs::read(&self.path).unwrap_or_default();
        let start = usize::try_from(mark).unwrap_or(usize::MAX).min(bytes.len());
        strip_ansi_escapes::strip_str(String::from_utf8_lossy(&bytes[start..]))
    }

    /// The last lines printed since a mark, for an error.
    pub(super) fn last_lines(&self, mark: u64) -> String {
        let text = self.since(mark);
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_taken_out() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::create(folder.path()).unwrap();
        fs::write(log.path(), "using the token \u{1b}[1;32mabcDEF\u{1b}[0m . Pick").unwrap();
        assert_eq!(log.since(0), "using the token abcDEF . Pick");
    }

    #[test]
    fn only_what_came_after_the_mark_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let log = Log::create(folder.path()).unwrap();
        fs::write(log.path(), "first start\n").unwrap();
        let mark = log.mark();
        io::Write::write_all(&mut log.append().unwrap(), b"second start\n").unwrap();
        assert_eq!(log.since(mark), "second start\n");
        assert_eq!(log.last_lines(mark), "  second start");
    }
}
