use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    Bot,
    process::{TEMPORARY, WORK},
};
use crate::secrets::{self, Origin};

/// How long each file was, and when it was last changed.
pub(super) type Stamps = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

impl Bot {
    /// Removes its database, as a disk that lost it would; answers the names of the files. The bot must be stopped.
    ///
    /// # Errors
    ///
    /// When there is none, or it cannot be removed.
    pub fn lose_database(&self) -> io::Result<Vec<String>> {
        let mut removed = Vec::new();
        let database = self.contract().state.database.as_ref();
        for path in database.map_or_else(|| Ok(Vec::new()), |database| database.found(self.data_dir()))? {
            fs::remove_file(&path)?;
            let name = path.file_name().unwrap_or_default();
            removed.push(name.to_string_lossy().into_owned());
        }
        if removed.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the bot has no database"));
        }
        Ok(removed)
    }

    /// Notes the secrets in its data directory. What is there when it starts, it may use.
    pub(super) fn learn(&self) {
        for (secret, label) in secrets::in_folder(self.data_dir()) {
            self.history.secrets().hand(&secret, Origin::Data);
            self.history.secrets().add(label, secret);
        }
    }

    /// Searches everything that it wrote outside its data directory for secrets, into the history. It must be stopped: then all that it
    /// has printed is there, and its own secrets are known.
    ///
    /// # Errors
    ///
    /// When the history cannot be written anew.
    pub fn search(&self) -> io::Result<()> {
        self.learn();
        self.history.look_again()?;
        let masked = self
            .history
            .secrets()
            .mask(&fs::read_to_string(self.log()).unwrap_or_default());
        fs::write(self.log(), masked)?;
        let own = [WORK, TEMPORARY].map(|place| (place, files(&self.folder.join(place))));
        for (place, files) in own.into_iter().chain([("directory", self.written())]) {
            for (name, text) in files {
                self.history.searched(&format!("{place}/{name}"), &text);
            }
        }
        for (name, text) in &self.inside {
            self.history.searched(&format!("container/{name}"), text);
        }
        Ok(())
    }
}

/// All files of a folder and of those below it, by their path in it, as texts.
fn files(folder: &Path) -> Vec<(String, String)> {
    changed(folder, &Stamps::new())
}

/// Those of them that are not as they were.
pub(super) fn changed(folder: &Path, before: &Stamps) -> Vec<(String, String)> {
    let now = stamps(folder).into_iter();
    let changed = now.filter(|(path, stamp)| before.get(path) != Some(stamp));
    let read = |path: PathBuf| {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        Some((name, String::from_utf8_lossy(&fs::read(&path).ok()?).into_owned()))
    };
    changed.filter_map(|(path, _)| read(path)).collect()
}

/// All files of a folder and of those below it, as they are now.
pub(super) fn stamps(folder: &Path) -> Stamps {
    let mut found = Stamps::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(meta) = entry.metadata() else { continue };
        match meta.is_dir() {
            true => found.append(&mut stamps(&entry.path())),
            false => {
                found.insert(entry.path(), (meta.len(), meta.modified().ok()));
            }
        }
    }
    found
}
