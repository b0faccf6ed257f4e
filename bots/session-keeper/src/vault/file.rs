//! One secret, one file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::text::decode;

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
            ErrorKind::NotADirectory | ErrorKind::AlreadyExists => {
                format!("see that everything above {path} is a directory")
            }
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
    fs::rename(&temporary, path).map_err(failed)?;
    sync_directory(path).map_err(failed)
}

/// Proves that a file could be replaced now, with a good deal more in it than it will get, and leaves it as it is.
pub(crate) fn prove_writable(path: &Path) -> Result<(), VaultError> {
    if path.is_dir() {
        return Err(VaultError::new("write", path, ErrorKind::IsADirectory));
    }
    let temporary = fill(path, &PROBE)?;
    let failed = |error| VaultError::new("write", &temporary, error);
    fs::remove_file(&temporary).map_err(failed)?;
    sync_directory(path).map_err(failed)
}

/// Writes the temporary file beside `path`, and syncs it.
fn fill(path: &Path, content: &[u8]) -> Result<PathBuf, VaultError> {
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(|error| VaultError::new("make", directory, error))?;
    let temporary = temporary(path);
    let failed = |error| VaultError::new("write", &temporary, error);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    Ok(temporary)
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

/// Where a file is written before it replaces `path`.
fn temporary(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    path.with_file_name(name)
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
