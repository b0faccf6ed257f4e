use std::{fs, io, path::Path};

use super::Bot;

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
}

/// All files of a folder and of those below it, by their path in it, as texts.
pub(super) fn files(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    for entry in entries {
        let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            let below = files(&path).into_iter();
            found.extend(below.map(|(below, text)| (format!("{name}/{below}"), text)));
        } else if let Ok(bytes) = fs::read(&path) {
            found.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        }
    }
    found
}
