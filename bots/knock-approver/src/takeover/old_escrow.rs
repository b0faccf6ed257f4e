//! The room keys that the old approver left.

use std::{fs, io, path::Path};

use matrix_sdk_crypto::olm::ExportedRoomKey;
use serde::Deserialize;
use serde_json::{Value, json};
use session_keeper::vault::ForeignKeys;

/// The file, in the data directory.
pub(super) const FILE: &str = "inbound_sessions.escrow.json";

#[derive(Deserialize)]
struct Entry {
    room_id: String,
    sender_key: String,
    signing_key: Option<String>,
    session_id: String,
    session_key: String,
}

/// Reads the file; `None` where there is none. Never changes it. The reason never shows a key.
pub(super) fn read(path: &Path) -> Result<Option<ForeignKeys>, String> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    let entries = serde_json::from_str::<Vec<Value>>(&text)
        .map_err(|error| format!("not a JSON list (line {})", error.line()))?;
    let total = entries.len();
    let keys = entries.into_iter().filter_map(exported).collect::<Vec<_>>();
    let unreadable = total - keys.len();
    if keys.is_empty() && unreadable > 0 {
        return Err(format!("none of its {unreadable} entries is a megolm session export"));
    }
    Ok(Some(ForeignKeys::new(keys, unreadable)))
}

fn exported(entry: Value) -> Option<ExportedRoomKey> {
    let entry = serde_json::from_value::<Entry>(entry).ok()?;
    let claimed = entry
        .signing_key
        .map_or_else(|| json!({}), |key| json!({ "ed25519": key.trim_end_matches('=') }));
    serde_json::from_value(json!({
        "algorithm": "m.megolm.v1.aes-sha2",
        "room_id": entry.room_id,
        "sender_key": entry.sender_key.trim_end_matches('='),
        "session_id": entry.session_id,
        "session_key": entry.session_key,
        "sender_claimed_keys": claimed,
        "forwarding_curve25519_key_chain": [],
    }))
    .ok()
}
