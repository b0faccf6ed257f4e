use std::{
    env, fs, io,
    path::{Path, PathBuf},
};

use super::{Owner, RunId};

/// Where the scratch folders of all runs are.
pub(super) fn root() -> PathBuf {
    env::temp_dir().join("knockproof")
}

/// Name of the file in a scratch folder that tells its [`Owner`] and, in a second line, its run.
pub(super) const OWNER_FILE: &str = ".owner";
/// Name of the file in a scratch folder that tells the process started on it, also as an [`Owner`].
pub(super) const CHILD_FILE: &str = ".child";

/// A folder for what a child process keeps while it runs. Removed on drop; what a killed process leaves is removed by the sweep.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes an empty folder for a run.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn new(run: &RunId, name: &str) -> io::Result<Self> {
        // Side by side and not in a folder for each run: nobody could remove that one without taking it from who comes next.
        let path = root().join(format!("{run}-{name}-{:012x}", rand::random::<u64>() >> 16));
        fs::create_dir_all(&path)?;
        fs::write(path.join(OWNER_FILE), format!("{}\n{run}\n", Owner::current()))?;
        Ok(Self { path })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Notes which process works on this folder, so that a sweep can end it.
    ///
    /// # Errors
    ///
    /// When the note cannot be written.
    pub fn note_child(&self, child: &Owner) -> io::Result<()> {
        fs::write(self.path.join(CHILD_FILE), child.to_string())
    }

    /// Takes the note back when that process has ended.
    ///
    /// # Errors
    ///
    /// When the note cannot be removed.
    pub fn forget_child(&self) -> io::Result<()> {
        match fs::remove_file(self.path.join(CHILD_FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %self.path.display(), %error, "scratch folder is left to the next sweep");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scratch_folder_goes_with_everything_in_it() {
        let scratch = Scratch::new(&RunId::current(), "test").unwrap();
        let path = scratch.path().to_owned();
        fs::write(path.join("database"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
    }
}
