use std::{
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::Path,
};

/// Takes the lock of a file, which is made when it is not there, and keeps it as long as the answer lives. The kernel gives it back when
/// this process ends, however it ends: so a lock that is free shows that whoever had it is gone. `None` where somebody has it, or the
/// file was removed meanwhile.
///
/// # Errors
///
/// When the file cannot be made.
pub(super) fn take(path: &Path) -> io::Result<Option<File>> {
    let file = File::options().create(true).read(true).append(true).open(path)?;
    Ok(taken(file, path))
}

/// The same of a file that must be there.
pub(super) fn take_present(path: &Path) -> Option<File> {
    let file = File::options().read(true).append(true).open(path).ok()?;
    taken(file, path)
}

fn taken(file: File, path: &Path) -> Option<File> {
    file.try_lock().ok()?;
    // Whoever had it may have removed the file before giving the lock back: then we hold what nobody else can find.
    let (held, named) = (file.metadata().ok()?, fs::metadata(path).ok()?);
    ((held.dev(), held.ino()) == (named.dev(), named.ino())).then_some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lock_has_one_holder_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        assert!(take_present(&path).is_none());
        let held = take(&path).unwrap();
        assert!(held.is_some() && take(&path).unwrap().is_none() && take_present(&path).is_none());
        drop(held);
        assert!(take_present(&path).is_some());
    }

    #[test]
    fn the_lock_of_a_removed_file_is_nobodys() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let file = File::options().create(true).append(true).open(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(taken(file, &path).is_none());
    }
}
