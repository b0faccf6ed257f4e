//! The operator's password file.

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf};

use sha2::{Digest, Sha256};

use crate::secret::Secret;

/// What tells one state of the file from another: a rewrite with the same content is a change too, for the operator
/// may have given the account this very password meanwhile.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PasswordState {
    modified: (i64, i64),
    inode: u64,
    content: [u8; 32],
}

impl std::fmt::Debug for PasswordState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the digest: it would let a guess be checked.
        f.debug_struct("PasswordState")
            .field("modified", &self.modified)
            .finish_non_exhaustive()
    }
}

/// The file; it may not exist (yet).
#[derive(Clone, Debug)]
pub struct PasswordFile {
    path: PathBuf,
}

impl PasswordFile {
    /// The file at this path.
    pub fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &std::path::Path {
        &self.path
    }

    /// The password and the state of the file. `None` where there is no file, or nothing in it. A file that cannot be
    /// read is as good as none, but is said in the log by the caller through [`PasswordFile::problem`].
    pub fn read(&self) -> Option<(Secret, PasswordState)> {
        let metadata = fs::metadata(&self.path).ok()?;
        let content = fs::read_to_string(&self.path).ok()?;
        let password = content.trim();
        if password.is_empty() {
            return None;
        }
        let state = PasswordState {
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            inode: metadata.ino(),
            content: Sha256::digest(password.as_bytes()).into(),
        };
        Some((Secret::new(password), state))
    }

    /// The state of the file alone.
    pub fn state(&self) -> Option<PasswordState> {
        self.read().map(|(_, state)| state)
    }

    /// What is wrong with the file, where there is one that cannot be used.
    pub fn problem(&self) -> Option<String> {
        match fs::read_to_string(&self.path) {
            Ok(content) if content.trim().is_empty() => Some("it is empty".to_owned()),
            Ok(_) => None,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => Some(format!("it cannot be read: {error}")),
        }
    }
}
