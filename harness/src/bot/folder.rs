use std::{fs, path::Path};

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
