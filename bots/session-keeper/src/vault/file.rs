//! One secret, one file.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use super::text::decode;

/// How the names of temporary files end.
const TEMPORARY: &str = ".new";

/// More than any file takes that is written here right after a login, so that a disk without room for it is noticed before.
const PROBE: [u8; 16 * 1024] = [0; 16 * 1024];

/// A file of the vault that could not be read or written. Never shows what is in it.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct VaultError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl VaultError {
    /// What could not be done (`read`, `write`, …), with which file, and why.
    pub fn new(action: &'static str, path: &Path, source: impl Into<io::Error>) -> Self {
        Self {
            action,
            path: path.to_owned(),
            source: source.into(),
        }
    }

    /// Which file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether what is in the file is of no use to anybody: no right and no room would help.
    pub fn is_damage(&self) -> bool {
        matches!(self.source.kind(), ErrorKind::InvalidData | ErrorKind::IsADirectory)
    }

    /// What the operator should do about it.
    pub fn next_step(&self) -> String {
        let path = self.path.display();
        match self.source.kind() {
            ErrorKind::IsADirectory => format!("move {path} away: it is a directory where a file belongs"),
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => match obstacle(&self.path) {
                Some(file) => format!(
                    "move {} away: it is no directory, and one belongs there",
                    file.display()
                ),
                None => format!("see that everything above {path} is a directory"),
            },
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => format!("make room on the disk of {path}"),
            ErrorKind::ReadOnlyFilesystem => format!("mount the file system of {path} writable"),
            ErrorKind::PermissionDenied => {
                format!("let the user of this process read and write {path} and its directory")
            }
            ErrorKind::InvalidData => format!("restore {path} from a backup, or move it away"),
            _ => format!("see to it that {path} can be read and written, and that its disk has room left"),
        }
    }
}

/// What stands where a directory belongs: the path itself, or what is above it.
fn obstacle(path: &Path) -> Option<&Path> {
    path.ancestors()
        .find(|part| part.exists())
        .filter(|part| !part.is_dir())
}

/// Reads a file; `None` where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, VaultError> {
    match fs::read(path) {
        Ok(bytes) => match decode(&bytes) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(VaultError::new(
                "read",
                path,
                io::Error::new(ErrorKind::InvalidData, error),
            )),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(VaultError::new("read", path, error)),
    }
}

/// Replaces a file so that a crash at any moment leaves the old or the new content whole, and the new is on the disk
/// when this returns: temporary file of mode 0600, sync, rename, sync of the directory.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), VaultError> {
    let temporary = fill(path, content)?;
    let failed = |error| VaultError::new("write", path, error);
    step().map_err(failed)?;
    temporary.persist(path).map_err(|error| failed(error.error))?;
    sync_directory(path).map_err(failed)
}

/// Proves that a file could be replaced now, with a good deal more in it than it will get, and leaves it as it is.
pub(crate) fn prove_writable(path: &Path) -> Result<(), VaultError> {
    if path.is_dir() {
        return Err(VaultError::new("write", path, ErrorKind::IsADirectory));
    }
    let temporary = fill(path, &PROBE)?;
    let failed = |error| VaultError::new("write", path, error);
    temporary.close().map_err(failed)?;
    sync_directory(path).map_err(failed)
}

/// Writes a temporary file beside `path`, and syncs it. It is removed where it does not take that one's place.
fn fill(path: &Path, content: &[u8]) -> Result<NamedTempFile, VaultError> {
    let directory = directory(path);
    fs::create_dir_all(directory).map_err(|error| VaultError::new("make", directory, error))?;
    let failed = |error| VaultError::new("write", path, error);
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let mut file = tempfile::Builder::new()
        .prefix(&format!(".{name}."))
        .suffix(TEMPORARY)
        .tempfile_in(directory)
        .map_err(failed)?;
    step().map_err(failed)?;
    file.write_all(content).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    Ok(file)
}

/// Removes what was written for files that begin so when a process was killed in the middle of it.
pub(crate) fn sweep(directory: &Path, stem: &str) {
    let entries = fs::read_dir(directory).into_iter().flatten().filter_map(Result::ok);
    for path in entries.map(|entry| entry.path()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(&format!(".{stem}_")) && name.ends_with(TEMPORARY) {
            fs::remove_file(&path).ok();
        }
    }
}

/// Removes a file (or an empty directory in its place), if it is there, for good.
pub(crate) fn remove(path: &Path) -> Result<(), VaultError> {
    let removed = match path.is_dir() {
        true => fs::remove_dir(path),
        false => fs::remove_file(path),
    };
    match removed {
        Ok(()) => sync_directory(path).map_err(|error| VaultError::new("remove", path, error)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(VaultError::new("remove", path, error)),
    }
}

/// Moves a file (or what is in its place) out of the way, beside it and under a name that is free. Answers where it is.
pub(crate) fn put_aside(path: &Path) -> Result<PathBuf, VaultError> {
    let named = |ending: String| {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        path.with_file_name(name)
    };
    let first = [named(".put-aside".to_owned())];
    let further = (2_u32..1000).map(|n| named(format!(".put-aside-{n}")));
    let aside = first.into_iter().chain(further).find(|aside| !exists(aside));
    let aside = aside.ok_or_else(|| VaultError::new("put aside", path, ErrorKind::AlreadyExists))?;
    match fs::rename(path, &aside) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(VaultError::new("put aside", path, error)),
        _ => Ok(aside),
    }
}

/// Whether there is anything of this name, even a link to nowhere.
fn exists(path: &Path) -> bool {
    path.symlink_metadata().is_ok()
}

fn directory(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("."))
}

/// Stands for whatever the file system may refuse; a test can have it refuse.
#[cfg(not(test))]
#[expect(clippy::unnecessary_wraps, reason = "the other one does refuse")]
fn step() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
use faults::step;

fn sync_directory(path: &Path) -> io::Result<()> {
    step()?;
    File::open(directory(path))?.sync_all()
}

/// A disk that is full at one step, in tests.
#[cfg(test)]
pub(crate) mod faults {
    use std::{
        cell::Cell,
        io::{self, ErrorKind},
    };

    thread_local! {
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    /// Refuses the step after so many more, once. What a file takes is several steps: writing, taking its place, and the
    /// sync of the directory.
    pub(crate) fn refuse_after(steps: usize) {
        LEFT.set(Some(steps));
    }

    /// Refuses nothing; answers whether something was refused.
    pub(crate) fn fired() -> bool {
        LEFT.take().is_none()
    }

    pub(super) fn step() -> io::Result<()> {
        match LEFT.take() {
            Some(0) => return Err(ErrorKind::StorageFull.into()),
            Some(left) => LEFT.set(Some(left - 1)),
            None => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_write_that_fails_anywhere_leaves_one_of_both_whole_and_nothing_beside_it() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("bot_file");
        write(&path, b"old").unwrap();
        for steps in 0..3 {
            faults::refuse_after(steps);
            let error = write(&path, b"new").unwrap_err();
            assert!(faults::fired());
            assert!(error.next_step().contains("make room"), "{}", error.next_step());
            let now = fs::read(&path).unwrap();
            assert_eq!(now, if steps < 2 { b"old" } else { b"new" });
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        }
        faults::refuse_after(3);
        write(&path, b"new").unwrap();
        assert!(!faults::fired());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_a_killed_process_left_is_swept_and_nothing_else() {
        let folder = TempDir::new().unwrap();
        for name in [
            ".bot_session.json.abc.new",
            ".bot_kept",
            "bot_x.new",
            ".other_session.json.abc.new",
        ] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        sweep(folder.path(), "bot");
        assert!(!folder.path().join(".bot_session.json.abc.new").exists());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3);
    }
}
