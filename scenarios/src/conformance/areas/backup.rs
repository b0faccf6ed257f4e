use serde_json::{Value, json};

use crate::conformance::step::{Step, delete, get, post, put, register};

fn session(first: u32, forwarded: u32, verified: bool) -> Value {
    json!({"first_message_index": first, "forwarded_count": forwarded, "is_verified": verified, "session_data": {"ciphertext": "abc", "ephemeral": "def", "mac": "ghi"}})
}

pub(super) fn steps() -> Vec<Step> {
    let one = "/v3/room_keys/keys/%21room%3Aconformance.test/session1?version={version}";
    vec![
        register("the_user_registers", "bea"),
        get("there_is_no_backup_at_first", "/v3/room_keys/version").by("bea").only(&["/errcode"]),
        post("a_backup_is_made", "/v3/room_keys/version", json!({"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": "abcdefg", "signatures": {}}}))
            .by("bea")
            .save("version", "/version")
            .pick(|body| json!(body["version"].is_string())),
        get("the_backup_is_found", "/v3/room_keys/version").by("bea").only(&["/algorithm", "/auth_data", "/count"]),
        put("a_key_is_stored", one, session(3, 0, false)).by("bea").only(&["/count", "/errcode"]),
        get("a_key_is_read", one).by("bea"),
        get("the_keys_are_counted", "/v3/room_keys/version").by("bea").only(&["/count"]),
        put("a_key_that_reaches_less_far_back_does_not_replace_it", one, session(5, 0, false)).by("bea").only(&["/count", "/errcode"]),
        get("the_better_key_is_kept", one).by("bea").only(&["/first_message_index"]),
        put("a_verified_key_replaces_it", one, session(5, 0, true)).by("bea").only(&["/count", "/errcode"]),
        get("the_verified_key_is_kept", one).by("bea").only(&["/first_message_index", "/is_verified"]),
        put("several_keys_are_stored_at_once", "/v3/room_keys/keys?version={version}", json!({"rooms": {"!room:conformance.test": {"sessions": {"session2": session(0, 0, true)}}}}))
            .by("bea")
            .only(&["/count", "/errcode"]),
        get("the_keys_of_a_room_are_read", "/v3/room_keys/keys/%21room%3Aconformance.test?version={version}").by("bea").pick(ids),
        get("all_keys_are_read", "/v3/room_keys/keys?version={version}").by("bea").pick(|body| json!(body["rooms"].as_object().map(serde_json::Map::len))),
        get("an_unknown_key_is_not_found", "/v3/room_keys/keys/%21room%3Aconformance.test/nosuch?version={version}").by("bea").only(&["/errcode"]),
        put("a_key_for_an_unknown_version_is_refused", "/v3/room_keys/keys/%21room%3Aconformance.test/session3?version=999", session(0, 0, true))
            .by("bea")
            .only(&["/errcode"]).decided_by("tells_unknown_backup"),
        delete("a_key_is_deleted", one).by("bea").only(&["/count", "/errcode"]),
        get("a_deleted_key_is_not_found", one).by("bea").only(&["/errcode"]),
        delete("the_backup_is_deleted", "/v3/room_keys/version/{version}").by("bea"),
        get("a_deleted_backup_is_not_found", "/v3/room_keys/version").by("bea").only(&["/errcode"]),
    ]
}

fn ids(body: &Value) -> Value {
    let mut ids: Vec<&String> = body["sessions"]
        .as_object()
        .map(|sessions| sessions.keys().collect())
        .unwrap_or_default();
    ids.sort();
    json!(ids)
}
