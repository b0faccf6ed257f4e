use reqwest::Method;
use ruma::CanonicalJsonValue;
use serde_json::{Value, json};
use vodozemac::Ed25519SecretKey;

use super::pick::outcome;
use crate::conformance::step::{Step, get, password, post, register, with_password};

const USER: &str = "@cara:conformance.test";

/// A key pair that is the same in every run: the recordings hold what it signs.
fn key(seed: u8) -> Ed25519SecretKey {
    Ed25519SecretKey::from_slice(&[seed; 32])
}

fn public(seed: u8) -> String {
    key(seed).public_key().to_base64()
}

/// Signs canonical JSON (appendix "Signing JSON"); the key's id is its own public half, as cross-signing keys have it.
fn signed(mut object: Value, seed: u8) -> Value {
    let canonical = CanonicalJsonValue::try_from(object.clone())
        .map(|value| value.to_string())
        .unwrap_or_default();
    let signature = key(seed).sign(canonical.as_bytes()).to_base64();
    object["signatures"] = json!({USER: {(format!("ed25519:{}", public(seed))): signature}});
    object
}

fn cross_signing_key(usage: &str, seed: u8) -> Value {
    json!({"user_id": USER, "usage": [usage], "keys": {(format!("ed25519:{}", public(seed))): public(seed)}})
}

/// The three keys; `seed` is the master's, the next two are the others'.
fn keys(seed: u8) -> Value {
    json!({
        "master_key": cross_signing_key("master", seed),
        "self_signing_key": signed(cross_signing_key("self_signing", seed + 1), seed),
        "user_signing_key": signed(cross_signing_key("user_signing", seed + 2), seed),
    })
}

pub(super) fn steps() -> Vec<Step> {
    let path = "/v3/keys/device_signing/upload";
    vec![
        register("the_user_registers", "cara"),
        register("a_peer_registers", "pia"),
        post("there_are_no_keys_at_first", "/v3/keys/query", json!({"device_keys": {USER: []}})).by("cara").pick(public_keys),
        post("the_first_keys_are_taken_without_a_password", path, keys(1)).by("cara").pick(outcome).decided_by("asks_password_for_new_cross_signing"),
        post("the_user_sees_all_three", "/v3/keys/query", json!({"device_keys": {USER: []}})).by("cara").pick(public_keys),
        post("a_peer_sees_no_user_signing_key", "/v3/keys/query", json!({"device_keys": {USER: []}})).by("pia").pick(public_keys),
        post("the_same_keys_again", path, keys(1)).by("cara").only(&["/flows", "/errcode"]).decided_by("asks_password_for_new_cross_signing"),
        post("other_keys_ask_for_the_password", path, keys(11)).by("cara").only(&["/flows", "/errcode"]),
        with_password("other_keys_with_a_wrong_password_are_refused", Method::POST, path, keys(11), "cara", "wrong").by("cara").only(&["/flows", "/errcode"]),
        with_password("other_keys_with_the_password_are_taken", Method::POST, path, keys(11), "cara", &password("cara")).by("cara").pick(outcome),
        post("the_new_keys_are_served", "/v3/keys/query", json!({"device_keys": {USER: []}})).by("pia").pick(public_keys),
        post("a_signature_of_an_unknown_device_is_reported", "/v3/keys/signatures/upload", json!({USER: {"NOSUCH": signed(json!({"user_id": USER, "device_id": "NOSUCH", "algorithms": [], "keys": {}}), 12)}}))
            .by("cara")
            .pick(|body| json!(body.pointer("/failures").and_then(Value::as_object).is_some_and(|failures| !failures.is_empty()))),
        get("the_token_still_lives", "/v3/account/whoami").by("cara"),
    ]
}

fn public_keys(body: &Value) -> Value {
    ["master_keys", "self_signing_keys", "user_signing_keys"]
        .iter()
        .filter_map(|&kind| Some((kind.to_owned(), body[kind][USER].as_object()?.get("keys")?.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
