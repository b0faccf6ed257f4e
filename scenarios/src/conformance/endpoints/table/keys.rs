//! Devices, keys, backups of keys.

use ruma::api::client::{backup, device, keys};
use serde_json::{Value, json};

use super::super::endpoint::Endpoint;

pub(super) fn endpoints() -> Vec<Endpoint> {
    [devices(), keys_of_devices(), backed_up(), backups()].concat()
}

fn devices() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<device::get_devices::v3::Request>("get_devices"),
        Endpoint::of::<device::get_device::v3::Request>("get_device"),
        Endpoint::of::<device::update_device::v3::Request>("update_device").json(json!({"display_name": "desk"})),
    ]
}

fn keys_of_devices() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<keys::upload_keys::v3::Request>("upload_keys").json(json!({
            "device_keys": device_keys(), "one_time_keys": {"signed_curve25519:AAAA": one_time_key()},
            "fallback_keys": {"signed_curve25519:FFFF": one_time_key()},
        })),
        Endpoint::of::<keys::upload_keys::v3::Request>("upload_one_time_keys")
            .by("bob")
            .json(json!({"one_time_keys": {"signed_curve25519:BBBB": one_time_key()}})),
        Endpoint::of::<keys::get_keys::v3::Request>("get_keys").json(json!({"device_keys": {"{alice}": []}, "timeout": 100})),
        Endpoint::of::<keys::get_keys::v3::Request>("get_keys_of_nobody").json(json!({"device_keys": {"@nobody:conformance.test": []}})),
        Endpoint::of::<keys::claim_keys::v3::Request>("claim_keys")
            .json(json!({"one_time_keys": {"{alice}": {"{alice.device}": "signed_curve25519"}}, "timeout": 100})),
        Endpoint::of::<keys::claim_keys::v3::Request>("claim_keys_of_nobody")
            .json(json!({"one_time_keys": {"@nobody:conformance.test": {"NOSUCHDEVI": "signed_curve25519"}}})),
        Endpoint::of::<keys::get_key_changes::v3::Request>("get_key_changes").query("from", "{position}").query("to", "{position}"),
        Endpoint::of::<keys::upload_signatures::v3::Request>("upload_signatures")
            .json(json!({"{alice}": {"{alice.device}": device_keys()}})),
        Endpoint::of::<keys::upload_signing_keys::v3::Request>("upload_signing_keys").json(json!({
            "master_key": {"user_id": "{alice}", "usage": ["master"], "keys": {"ed25519:nqOvzeuGWT/sRx3h7+MHoInYj3Uk2LD/unI9kDYcHwk":
                "nqOvzeuGWT/sRx3h7+MHoInYj3Uk2LD/unI9kDYcHwk"}},
        })),
    ]
}

fn device_keys() -> Value {
    json!({
        "user_id": "{alice}", "device_id": "{alice.device}", "algorithms": ["m.olm.v1.curve25519-aes-sha2", "m.megolm.v1.aes-sha2"],
        "keys": {"curve25519:{alice.device}": "3C5BFWi2Y8MaVvjM8M22DBmh24PmgR0nPvJOIArzgyI",
            "ed25519:{alice.device}": "lEuiRJBit0IG6nUf5pUzWTUEsRVVe/HJkoKuEww9ULI"},
        "signatures": {"{alice}": {"ed25519:{alice.device}":
            "dSO80A01XiigH3uBiDVx/EjzaoycHcjq9lfQX0uWsqxl2giMIiSPR8a4d291W1ihKJL/a+myXS367WT6NAIcBA"}},
    })
}

fn one_time_key() -> Value {
    json!({
        "key": "zKbLg+NrIjpnagy+pIY6uPL4ZwEG2v+8F9lmgsnlZzs",
        "signatures": {"{alice}": {"ed25519:{alice.device}":
            "IQeCEPb9HFk217cU9kw9EOiusC6kMIkoIRnbnfOh5Oc63S1ghgyjShBGpu34blQomoalCyXWyhaaT3MrLZYQAA"}},
    })
}

fn session() -> Value {
    json!({
        "first_message_index": 0, "forwarded_count": 0, "is_verified": true,
        "session_data": {"ciphertext": "AAAA", "ephemeral": "AAAA", "mac": "AAAA"},
    })
}

fn backed_up() -> Vec<Endpoint> {
    let version = |endpoint: Endpoint| endpoint.query("version", "{backup}");
    vec![
        version(Endpoint::of::<backup::add_backup_keys::v3::Request>("add_backup_keys"))
            .json(json!({"rooms": {"{room}": {"sessions": {"backed.up.session": session()}}}})),
        version(Endpoint::of::<backup::add_backup_keys_for_room::v3::Request>(
            "add_backup_keys_for_room",
        ))
        .json(json!({"sessions": {"backed.up.session": session()}})),
        version(Endpoint::of::<backup::add_backup_keys_for_session::v3::Request>(
            "add_backup_keys_for_session",
        ))
        .json(session()),
        version(Endpoint::of::<backup::get_backup_keys::v3::Request>("get_backup_keys")),
        version(Endpoint::of::<backup::get_backup_keys_for_room::v3::Request>(
            "get_backup_keys_for_room",
        )),
        version(Endpoint::of::<backup::get_backup_keys_for_session::v3::Request>(
            "get_backup_keys_for_session",
        )),
        version(Endpoint::of::<backup::delete_backup_keys_for_session::v3::Request>(
            "delete_backup_keys_for_session",
        )),
        version(Endpoint::of::<backup::delete_backup_keys_for_room::v3::Request>(
            "delete_backup_keys_for_room",
        )),
        version(Endpoint::of::<backup::delete_backup_keys::v3::Request>(
            "delete_backup_keys",
        )),
    ]
}

fn backups() -> Vec<Endpoint> {
    let algorithm = || json!({"algorithm": "m.megolm_backup.v1.curve25519-aes-sha2", "auth_data": {"public_key": "abc", "signatures": {}}});
    vec![
        Endpoint::of::<backup::get_latest_backup_info::v3::Request>("get_latest_backup_info"),
        Endpoint::of::<backup::get_backup_info::v3::Request>("get_backup_info"),
        Endpoint::of::<backup::update_backup_version::v3::Request>("update_backup_version").json(algorithm()),
        Endpoint::of::<backup::create_backup_version::v3::Request>("create_backup_version").json(algorithm()),
        Endpoint::of::<backup::delete_backup_version::v3::Request>("delete_backup_version"),
    ]
}
