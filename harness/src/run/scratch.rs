use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::{
    Owner, RunId,
    base::{at, folder},
    held,
};

/// Where the scratch folders of all runs of this user are.
pub(super) fn root() -> io::Result<PathBuf> {
    folder("scratch")
}

/// Name of the file in a scratch folder that tells its run. Its lock is held as long as the folder is in use.
pub(super) const OWNER_FILE: &str = ".owner";
/// Name of the file in a scratch folder that tells the leader of the process group started on it.
pub(super) const CHILD_FILE: &str = ".child";

/// A folder for what a child process keeps while it runs, closed to other users. Removed on drop; what a killed process leaves is removed
/// by the sweep.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    run: RunId,
    _held: File,
}

impl Scratch {
    /// Makes an empty folder for a run.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn new(run: &RunId, name: &str) -> io::Result<Self> {
        let root = root()?;
        loop {
            // Side by side and not in a folder for each run: nobody could remove that one without taking it from who comes next.
            let path = root.join(format!("{run}-{name}-{:012x}", rand::random::<u64>() >> 16));
            fs::create_dir(&path).map_err(at(&path))?;
            // A sweep that comes between the two takes it for a dead one's, and then we make another.
            if let Some(mut held) = held::take(&path.join(OWNER_FILE)).map_err(at(&path))? {
                writeln!(held, "{run}").map_err(at(&path))?;
                let run = run.clone();
                return Ok(Self { path, run, _held: held });
            }
        }
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The run that it is made for. A process that is started on it gets it as [`RunId::VARIABLE`], or no sweep will end it.
    pub fn run(&self) -> &RunId {
        &self.run
    }

    /// Notes which process works on this folder, so that a sweep can end it and its group.
    ///
    /// # Errors
    ///
    /// When the note cannot be written.
    pub fn note_child(&self, child: &Owner) -> io::Result<()> {
        note_child(&self.path, child.pid())
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

/// Notes in a scratch folder which process leads the group that works on it.
///
/// # Errors
///
/// When the note cannot be written.
pub(crate) fn note_child(scratch: &Path, leader: u32) -> io::Result<()> {
    fs::write(scratch.join(CHILD_FILE), format!("{leader}\n"))
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
