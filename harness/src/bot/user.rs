//! Whose files are whose, where the bot is in a container.
//!
//! The bot's directories are on this machine, where faults and checks work on them. A harness that is not root gives the bot its own user, so that
//! both may read and write there. One that is root leaves the image's user alone, and gives the directories to it.

use std::{
    fs, io,
    os::unix::fs::{MetadataExt as _, lchown},
    path::Path,
};

use rustix::process::{getgid, getuid};
use testcontainers::bollard::Docker;

use super::layer;

/// Where names of users become numbers.
const PASSWD: &str = "/etc/passwd";

/// The user that a container is made with, in the engine's words; none where it is the image's own.
pub(super) fn imposed() -> Option<String> {
    let (user, group) = (getuid(), getgid());
    (!user.is_root()).then(|| format!("{}:{}", user.as_raw(), group.as_raw()))
}

/// Gives folders, with all that is in them, to the user of a container that is made and not started. Only root can, and only root must.
///
/// # Errors
///
/// When the image does not know its own user, or a file cannot be given away.
pub(super) async fn give(docker: &Docker, container: &str, user: &str, folders: [&Path; 2]) -> Result<(), String> {
    if !getuid().is_root() {
        return Ok(());
    }
    let name = user.split_once(':').map_or(user, |(name, _)| name);
    let number = match name.parse() {
        Ok(number) => number,
        Err(_) if name.is_empty() => 0,
        Err(_) => {
            let passwd = passwd(docker, container).await;
            let passwd = passwd.map_err(|reason| format!("its {PASSWD} cannot be read: {reason}"))?;
            number_of(name, &passwd).ok_or_else(|| format!("its user {name} is not in its {PASSWD}"))?
        }
    };
    let given = folders.into_iter().try_for_each(|folder| give_all(folder, number));
    given.map_err(|error| format!("its directories could not be given to its user {number}: {error}"))
}

/// A file that we write for the bot belongs to whom its folder belongs to.
pub(crate) fn follow_folder(file: &Path) -> io::Result<()> {
    let Some(folder) = file.parent().filter(|_| getuid().is_root()) else {
        return Ok(());
    };
    let owner = fs::metadata(folder)?.uid();
    match fs::metadata(file)?.uid() == owner {
        true => Ok(()),
        false => lchown(file, Some(owner), None),
    }
}

fn give_all(path: &Path, owner: u32) -> io::Result<()> {
    lchown(path, Some(owner), None)?;
    if !fs::symlink_metadata(path)?.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(path)? {
        give_all(&entry?.path(), owner)?;
    }
    Ok(())
}

/// The container's list of users.
async fn passwd(docker: &Docker, container: &str) -> Result<String, String> {
    let read = layer::file(docker, container, PASSWD).await?;
    read.ok_or_else(|| "it is no file".to_owned())
}

/// The number of a user.
fn number_of(name: &str, passwd: &str) -> Option<u32> {
    let mut users = passwd.lines().map(|line| line.split(':'));
    let mut user = users.find_map(|mut user| (user.next() == Some(name)).then_some(user))?;
    user.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const USERS: &str = "root:x:0:0:root:/root:/bin/sh\nbot:x:10001:10002::/data:/bin/false\n";

    #[test]
    fn a_user_s_number_is_found_by_its_name() {
        assert_eq!(number_of("bot", USERS), Some(10001));
        assert_eq!(number_of("root", USERS), Some(0));
        assert_eq!(number_of("bo", USERS), None);
        assert_eq!(number_of("bot", "bot:x"), None);
    }

    #[test]
    fn a_file_follows_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("password");
        fs::write(&file, "x").unwrap();
        if getuid().is_root() {
            lchown(folder.path(), Some(10001), None).unwrap();
        }
        follow_folder(&file).unwrap();
        let owner = |path: &Path| fs::metadata(path).unwrap().uid();
        assert_eq!(owner(&file), owner(folder.path()));
    }
}
