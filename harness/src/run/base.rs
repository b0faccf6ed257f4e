use std::{
    env, fs,
    io::{self, ErrorKind},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use rustix::process::getuid;

/// The folder, of this user and closed to others, for everything that runs keep on disk while they last: `knockproof-UID` in `TMPDIR`
/// where that is set, else `knockproof` in `XDG_RUNTIME_DIR`, else `knockproof-UID` in the folder for temporary files. Made when it is not
/// there.
///
/// # Errors
///
/// When it cannot be made, or somebody else has it; the error names it.
pub fn base() -> io::Result<PathBuf> {
    let uid = getuid().as_raw();
    let named = |variable| {
        env::var_os(variable)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let folder = match (
        named("TMPDIR"),
        named("XDG_RUNTIME_DIR").filter(|folder| is_ours(folder, uid)),
    ) {
        (None, Some(runtime)) => runtime.join("knockproof"),
        _ => env::temp_dir().join(format!("knockproof-{uid}")),
    };
    private(folder, uid)
}

/// A folder in it.
///
/// # Errors
///
/// As [`base`].
pub(super) fn folder(name: &str) -> io::Result<PathBuf> {
    let folder = base()?.join(name);
    fs::create_dir_all(&folder).map_err(at(&folder))?;
    Ok(folder)
}

/// Puts the path in front of an error, whose own text names none.
pub(crate) fn at(path: &Path) -> impl FnOnce(io::Error) -> io::Error + use<'_> {
    move |error| io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// After `su` or `sudo` the variable may still name the folder of who was there before.
fn is_ours(folder: &Path, uid: u32) -> bool {
    fs::metadata(folder).is_ok_and(|found| found.is_dir() && found.uid() == uid)
}

fn private(folder: PathBuf, uid: u32) -> io::Result<PathBuf> {
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(at(&folder)(error)),
        _ => {}
    }
    // Not through a link: whoever may write beside it could have put one there.
    let found = fs::symlink_metadata(&folder).map_err(at(&folder))?;
    if !found.is_dir() || found.uid() != uid {
        let owner = found.uid();
        let text = format!(
            "{} is not a folder of this user's (its owner is {owner}): set TMPDIR to a folder of your own",
            folder.display()
        );
        return Err(io::Error::new(ErrorKind::PermissionDenied, text));
    }
    if found.mode() & 0o077 != 0 {
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).map_err(at(&folder))?;
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_closed_to_others_even_where_it_was_open() {
        let place = tempfile::tempdir().unwrap();
        let uid = getuid().as_raw();
        let folder = private(place.path().join("ours"), uid).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        private(folder.clone(), uid).unwrap();
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn one_of_somebody_else_is_refused_and_named() {
        let place = tempfile::tempdir().unwrap();
        let folder = place.path().join("theirs");
        fs::create_dir(&folder).unwrap();
        let refused = private(folder.clone(), getuid().as_raw() + 1).unwrap_err().to_string();
        assert!(
            refused.contains(folder.to_str().unwrap()) && refused.contains("TMPDIR"),
            "{refused}"
        );
    }

    #[test]
    fn a_link_in_its_place_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let link = place.path().join("link");
        std::os::unix::fs::symlink(place.path(), &link).unwrap();
        assert!(private(link, getuid().as_raw()).is_err());
    }

    #[test]
    fn what_cannot_be_made_is_named() {
        let refused = private("/nonexistent/knockproof-0".into(), 0).unwrap_err().to_string();
        assert!(refused.contains("/nonexistent/knockproof-0"), "{refused}");
    }
}
