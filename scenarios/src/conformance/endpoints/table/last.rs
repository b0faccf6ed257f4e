//! What ends sessions, devices and accounts: asked last, by users made for it.

use ruma::api::client::{account, device, keys, session};
use serde_json::json;

use super::super::endpoint::{Endpoint, Fresh};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let password = json!({
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": "lou"}, "password": "correct-horse-lou", "refresh_token": false,
    });
    vec![
        Endpoint::of::<session::login::v3::Request>("login").by("lou").json(password),
        Endpoint::of::<session::login::v3::Request>("login_with_a_token")
            .by("lou")
            .json(json!({"type": "m.login.token", "token": "nosuchtoken"})),
        Endpoint::of::<session::get_login_token::v1::Request>("get_login_token").by("lou").json(json!({})).with_password(),
        Endpoint::of::<session::refresh_token::v3::Request>("refresh_token").json(json!({"refresh_token": "nosuchtoken"})),
        Endpoint::of::<keys::upload_signing_keys::v3::Request>("replace_signing_keys")
            .by("lou")
            .json(json!({
                "master_key": {"user_id": "{lou}", "usage": ["master"], "keys": {"ed25519:Hq7rvPYDdpFP3xOfFvHTXDFSWlZ+hkgvFrTH3M9h5nA":
                    "Hq7rvPYDdpFP3xOfFvHTXDFSWlZ+hkgvFrTH3M9h5nA"}},
            }))
            .with_password(),
        Endpoint::of::<device::delete_device::v3::Request>("delete_device")
            .by("lou")
            .fresh(Fresh::DeviceEachCase)
            .at("device_id", "{lou.device}")
            .json(json!({}))
            .with_password(),
        Endpoint::of::<device::delete_devices::v3::Request>("delete_devices")
            .by("lou")
            .fresh(Fresh::DeviceEachCase)
            .json(json!({"devices": ["{lou.device}"]}))
            .with_password(),
        Endpoint::of::<session::logout::v3::Request>("logout").by("lou").fresh(Fresh::DeviceEachCase),
        Endpoint::of::<session::logout_all::v3::Request>("logout_all").by("lou").fresh(Fresh::DeviceEachCase),
        Endpoint::of::<account::change_password::v3::Request>("change_password")
            .by("pat")
            .fresh(Fresh::DeviceEachCase)
            .json(json!({"new_password": "correct-horse-pat", "logout_devices": true}))
            .with_password(),
        Endpoint::of::<account::deactivate::v3::Request>("deactivate")
            .by("quin")
            .fresh(Fresh::DeviceEachCase)
            .json(json!({"erase": false}))
            .with_password(),
    ]
}
