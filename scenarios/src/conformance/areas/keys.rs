use reqwest::Method;
use serde_json::{Value, json};

use crate::conformance::step::{Step, first_sync, get, login, password, post, register, sync, with_password};

/// Device keys as a client would upload them. No homeserver looks at these signatures: peers do.
fn device_keys(device: &str, seed: char) -> Value {
    let key = |kind: char| {
        std::iter::repeat_n([seed, kind], 21)
            .flatten()
            .chain(['A'])
            .collect::<String>()
    };
    json!({
        "user_id": "@kim:conformance.test", "device_id": device, "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {(format!("curve25519:{device}")): key('c'), (format!("ed25519:{device}")): key('e')},
        "signatures": {"@kim:conformance.test": {(format!("ed25519:{device}")): "c2lnbmF0dXJl".repeat(7)}},
    })
}

fn one_time_key(text: &str) -> Value {
    json!({"key": text.repeat(43), "signatures": {"@kim:conformance.test": {"ed25519:KIM": "c2lnbmF0dXJl"}}})
}

fn upload(name: &'static str, body: Value) -> Step {
    post(name, "/v3/keys/upload", body)
        .by("device")
        .only(&["/one_time_key_counts/signed_curve25519", "/errcode"])
}

fn query(name: &'static str, by: &str) -> Step {
    post(
        name,
        "/v3/keys/query",
        json!({"device_keys": {"@kim:conformance.test": []}}),
    )
    .by(by)
    .pick(identity_keys)
}

fn claim(name: &'static str) -> Step {
    post(
        name,
        "/v3/keys/claim",
        json!({"one_time_keys": {"@kim:conformance.test": {"KIM": "signed_curve25519"}}}),
    )
    .by("peer")
    .pick(claimed)
}

pub(super) fn steps() -> Vec<Step> {
    [uploading(), claiming(), losing()].concat()
}

fn uploading() -> Vec<Step> {
    vec![
        register("the_user_registers", "kim"),
        register("a_peer_registers", "peer"),
        login("the_device_logs_in", "kim", Some("KIM"), "device"),
        upload("an_empty_upload_tells_the_counts", json!({})),
        query("a_device_without_keys_is_not_shown", "peer"),
        post(
            "a_room_with_the_peer_is_made",
            "/v3/createRoom",
            json!({
                "room_version": "11", "preset": "public_chat",
                "initial_state": [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}],
            }),
        )
        .by("kim")
        .save("room", "/room_id")
        .only(&["/errcode"]),
        post("the_peer_joins", "/v3/join/{room}", json!({}))
            .by("peer")
            .only(&["/errcode"]),
        first_sync("the_peer_syncs", "peer").only(&["/errcode"]),
        upload(
            "device_keys_are_uploaded",
            json!({"device_keys": device_keys("KIM", 'a')}),
        ),
        sync("the_peer_hears_of_new_device_keys", "peer", &["/device_lists/changed"])
            .only(&["/device_lists/changed"])
            .decided_by("shares_devices_in_plain_rooms"),
        query("the_peer_sees_the_keys", "peer"),
        query("the_user_sees_the_own_keys", "device"),
        upload(
            "the_same_keys_are_uploaded_again",
            json!({"device_keys": device_keys("KIM", 'a')}),
        ),
        post(
            "keys_of_a_device_that_is_not_the_callers_are_refused",
            "/v3/keys/upload",
            json!({"device_keys": device_keys("OTHER", 'x')}),
        )
        .by("device")
        .only(&["/errcode"])
        .decided_by("foreign_device_keys"),
        upload(
            "other_identity_keys_for_the_same_device_are_taken",
            json!({"device_keys": device_keys("KIM", 'b')}),
        ),
        query("the_last_identity_keys_are_served", "peer"),
    ]
}

fn claiming() -> Vec<Step> {
    vec![
        upload("one_time_keys_are_uploaded", json!({"one_time_keys": {"signed_curve25519:AAAA": one_time_key("1"), "signed_curve25519:BBBB": one_time_key("2")}})),
        upload("the_same_one_time_key_again_changes_nothing", json!({"one_time_keys": {"signed_curve25519:AAAA": one_time_key("1")}})),
        post("another_key_under_a_used_id", "/v3/keys/upload", json!({"one_time_keys": {"signed_curve25519:AAAA": one_time_key("9")}}))
            .by("device")
            .only(&["/errcode", "/one_time_key_counts/signed_curve25519"])
            .decided_by("refuses_changed_one_time_keys"),
        claim("a_one_time_key_is_claimed"),
        upload("a_claimed_key_is_not_counted", json!({})),
        claim("another_one_time_key_is_claimed"),
        claim("nothing_is_left_to_claim"),
        upload("a_fallback_key_is_uploaded", json!({"fallback_keys": {"signed_curve25519:FFFF": {"key": "f".repeat(43), "fallback": true, "signatures": {"@kim:conformance.test": {"ed25519:KIM": "c2lnbmF0dXJl"}}}}}))
            .decided_by("keeps_fallback_keys"),
        claim("the_fallback_key_is_claimed").decided_by("keeps_fallback_keys"),
        claim("the_fallback_key_is_claimed_again").decided_by("keeps_fallback_keys"),
        post("claiming_of_an_unknown_device_gives_nothing", "/v3/keys/claim", json!({"one_time_keys": {"@kim:conformance.test": {"NOSUCH": "signed_curve25519"}}}))
            .by("peer")
            .pick(claimed),
        post("querying_an_unknown_user_gives_nothing", "/v3/keys/query", json!({"device_keys": {"@nobody:conformance.test": []}})).by("peer").pick(identity_keys),
        get("changes_are_told_since_a_position", "/v3/keys/changes?from={peer.since}&to={peer.since}").by("peer").only(&["/errcode"]),
    ]
}

fn losing() -> Vec<Step> {
    vec![
        upload(
            "a_key_is_left_on_the_device",
            json!({"one_time_keys": {"signed_curve25519:CCCC": one_time_key("3")}}),
        ),
        with_password(
            "the_device_is_deleted",
            Method::DELETE,
            "/v3/devices/KIM",
            json!({}),
            "kim",
            &password("kim"),
        )
        .by("kim"),
        query("the_keys_of_a_deleted_device_are_not_served", "peer").decided_by("keeps_keys_of_deleted_devices"),
        claim("the_one_time_keys_of_a_deleted_device").decided_by("keeps_keys_of_deleted_devices"),
        login("the_deleted_devices_id_logs_in_again", "kim", Some("KIM"), "device"),
        query("the_keys_of_a_revived_device", "peer").decided_by("keeps_keys_of_deleted_devices"),
        upload("the_one_time_keys_of_a_revived_device_are_counted", json!({}))
            .decided_by("keeps_keys_of_deleted_devices"),
        post("logout_of_the_device", "/v3/logout", json!({})).by("device"),
        login("the_logged_out_devices_id_logs_in_again", "kim", Some("KIM"), "device"),
        query("the_keys_after_logout_and_login", "peer").decided_by("keeps_keys_of_deleted_devices"),
    ]
}

/// Device id → identity keys, for each user that was asked for.
fn identity_keys(body: &Value) -> Value {
    let Some(users) = body["device_keys"].as_object() else {
        return body.clone();
    };
    users
        .iter()
        .map(|(user, devices)| {
            let devices: serde_json::Map<_, _> = devices
                .as_object()
                .into_iter()
                .flatten()
                .map(|(device, keys)| (device.clone(), keys["keys"].clone()))
                .collect();
            (user.clone(), devices.into())
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The key ids that were handed out, which one of several being the server's choice.
fn claimed(body: &Value) -> Value {
    let devices = body["one_time_keys"]["@kim:conformance.test"].as_object();
    devices
        .into_iter()
        .flatten()
        .map(|(device, keys)| {
            let kinds: Vec<bool> = keys
                .as_object()
                .into_iter()
                .flatten()
                .map(|(_, key)| key["fallback"] == true)
                .collect();
            json!({"device": device, "keys": kinds.len(), "fallback": kinds.contains(&true)})
        })
        .collect::<Vec<_>>()
        .into()
}
