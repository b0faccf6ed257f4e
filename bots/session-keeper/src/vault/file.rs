//! One secret, one file.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

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
}

/// Reads a file; `None` where there is none.
pub(crate) fn read(path: &Path) -> Result<Option<String>, VaultError> {
    match fs::read(path) {
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(text)),
            // The error of `from_utf8` would carry the bytes.
            Err(_) => Err(VaultError::new("read", path, io::Error::other("it is not UTF-8"))),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(VaultError::new("read", path, error)),
    }
}

/// Replaces a file so that a crash at any moment leaves the old or the new content whole, and the new is on the disk
/// when this returns: temporary file of mode 0600, sync, rename, sync of the directory.
pub(crate) fn write(path: &Path, content: &[u8]) -> Result<(), VaultError> {
    let failed = |error| VaultError::new("write", path, error);
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).map_err(failed)?;
    let temporary = temporary(path);
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(failed)?;
    file.write_all(content).and_then(|()| file.sync_all()).map_err(failed)?;
    drop(file);
    fs::rename(&temporary, path).map_err(failed)?;
    sync_directory(path).map_err(failed)
}

/// Removes a file, if it is there, for good.
pub(crate) fn remove(path: &Path) -> Result<(), VaultError> {
    match fs::remove_file(path) {
        Ok(()) => sync_directory(path).map_err(|error| VaultError::new("remove", path, error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(VaultError::new("remove", path, error)),
    }
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
