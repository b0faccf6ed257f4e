//! One process for one data directory.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use super::VaultError;

/// The lock of the whole directory; each identity has one of its own beside it.
const DIRECTORY: &str = "lock";

/// Why the data directory could not be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process has it.
    #[error("{} is in use by another process: stop that one first, or give this one a data directory of its own", .0.display())]
    Taken(PathBuf),
    /// The lock file could not be made or locked.
    #[error("{source}; {}, then start again", .source.next_step())]
    File {
        /// Which, and what came back.
        #[from]
        source: VaultError,
    },
}

/// The right to use a data directory, until dropped or until the process ends (the kernel gives it back).
#[derive(Debug)]
pub struct DataDirLock {
    _file: File,
}

impl DataDirLock {
    /// Takes the directory's lock, making the directory where there is none.
    ///
    /// # Errors
    ///
    /// When another process has the directory, or it cannot be written.
    pub fn acquire(data_dir: &Path) -> Result<Self, LockError> {
        Self::acquire_file(data_dir, DIRECTORY)
    }

    /// Whether a process has the directory. Makes nothing, and keeps nothing.
    ///
    /// # Errors
    ///
    /// When the lock cannot be looked at.
    pub fn is_taken(data_dir: &Path) -> Result<bool, LockError> {
        let path = data_dir.join(DIRECTORY);
        let failed = |source: io::Error| VaultError::new("lock", &path, source);
        let file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(failed(error).into()),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(failed(error).into()),
        }
    }

    pub(crate) fn acquire_file(data_dir: &Path, name: &str) -> Result<Self, LockError> {
        let path = data_dir.join(name);
        let failed = |source: io::Error| VaultError::new("lock", &path, source);
        std::fs::create_dir_all(data_dir).map_err(|error| VaultError::new("make", data_dir, error))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(LockError::Taken(data_dir.to_owned())),
            Err(TryLockError::Error(error)) => Err(failed(error).into()),
        }
    }
}
