use std::{collections::BTreeMap, fs, io, path::Path};

use serde_json::Value;

/// Longer files are databases or logs, and hold no secret that stands there as a text.
const LONGEST: u64 = 256 * 1024;

/// A file with a name of this kind holds one secret and nothing else.
const NAMES: [&str; 6] = [
    "token",
    "password",
    "passphrase",
    "recovery_key",
    "secret",
    "pickle_key",
];

/// In JSON, what stands under these keys is a secret.
const KEYS: [&str; 9] = [
    "access_token",
    "refresh_token",
    "password",
    "passphrase",
    "recovery_key",
    "session_key",
    "pickle_key",
    "private_key",
    "secret",
];

/// The secrets that stand in the files of a folder and of those below it, each with a label: what programs keep there as text or JSON.
/// What cannot be read is passed over; nothing there is an empty answer.
pub fn in_folder(folder: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    // A folder that is not there, or goes while it is read, has no secrets.
    let _ = look_into(folder, &mut found);
    found
}

fn look_into(folder: &Path, found: &mut BTreeMap<String, String>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.metadata()?);
        if kind.is_dir() {
            let _ = look_into(&path, found);
        } else if kind.is_file()
            && kind.len() <= LONGEST
            && let Ok(text) = fs::read_to_string(&path)
        {
            take(&entry.file_name().to_string_lossy(), &text, found);
        }
    }
    Ok(())
}

fn take(name: &str, text: &str, found: &mut BTreeMap<String, String>) {
    if let Ok(json) = serde_json::from_str::<Value>(text)
        && (json.is_object() || json.is_array())
    {
        take_json(name, &json, found);
        return;
    }
    let (text, name_lower) = (text.trim(), name.to_lowercase());
    let is_secret = NAMES.iter().any(|kind| name_lower.contains(kind));
    if is_secret && !text.is_empty() && text.lines().count() == 1 {
        found.insert(text.to_owned(), format!("content of {name}"));
    }
}

fn take_json(name: &str, json: &Value, found: &mut BTreeMap<String, String>) {
    match json {
        Value::Object(entries) => {
            for (key, value) in entries {
                match value.as_str() {
                    Some(secret) if KEYS.contains(&key.as_str()) => {
                        found.insert(secret.to_owned(), format!("{key} in {name}"));
                    }
                    _ => take_json(name, value, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| take_json(name, item, found)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_programs_keep_as_text_or_json_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        fs::create_dir(folder.path().join("vault")).unwrap();
        write("bot_session.json", r#"{"user_id":"@a:hs","access_token":"syt_1"}"#);
        write("vault/bot_recovery_key", "EsTc abcd\n");
        write("escrow_passphrase", "0123");
        write("old.json", r#"[{"session_id":"s","session_key":"AQAA"}]"#);
        write("device_id", "DEVICE");
        write("notes.txt", "the token is elsewhere");
        fs::write(folder.path().join("token.bin"), [0xff, 0xfe]).unwrap();

        let found = in_folder(folder.path());
        let secrets: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(secrets, ["0123", "AQAA", "EsTc abcd", "syt_1"]);
        assert_eq!(found["EsTc abcd"], "content of bot_recovery_key");
    }

    #[test]
    fn a_folder_that_is_not_there_has_none() {
        assert!(in_folder(Path::new("/nonexistent")).is_empty());
    }
}
