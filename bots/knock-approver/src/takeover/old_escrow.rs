//! The room keys that the old approver left.

use std::path::Path;

use matrix_sdk_crypto::olm::ExportedRoomKey;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::vault::read as read_file;

/// The file, in the data directory.
pub(super) const FILE: &str = "inbound_sessions.escrow.json";

/// What was in it.
pub(super) struct OldEscrow {
    /// The keys that could be read.
    pub(super) keys: Vec<ExportedRoomKey>,
    /// How many entries could not.
    pub(super) unreadable: usize,
}

#[derive(Deserialize)]
struct Entry {
    room_id: String,
    sender_key: String,
    signing_key: Option<String>,
    session_id: String,
    session_key: String,
}

/// Reads the file; `None` where there is none. Never changes it. The reason never shows a key.
pub(super) fn read(path: &Path) -> Result<Option<OldEscrow>, String> {
    let Some(text) = read_file(path).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let entries = serde_json::from_str::<Vec<Value>>(&text)
        .map_err(|error| format!("not a JSON list (line {})", error.line()))?;
    let total = entries.len();
    let keys = entries.into_iter().filter_map(exported).collect::<Vec<_>>();
    let unreadable = total - keys.len();
    if keys.is_empty() && unreadable > 0 {
        return Err(format!("none of its {unreadable} entries is a megolm session export"));
    }
    Ok(Some(OldEscrow { keys, unreadable }))
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
