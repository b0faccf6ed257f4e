use reqwest::Method;
use serde_json::{Value, json};

use super::pick::outcome;
use crate::conformance::step::{Step, get, password, post, put, register, text, with_password};

pub(super) fn steps() -> Vec<Step> {
    let alice = "@alice:conformance.test";
    vec![
        get("versions_name_v1_11", "/versions").pick(names_v1_11),
        get("login_flows_offer_a_password", "/v3/login").pick(offers_password),
        post("register_without_auth_shows_the_stages", "/v3/register", json!({"username": "alice", "password": "x".repeat(16)}))
            .only(&["/flows"])
            .decided_by("register_stages"),
        post(
            "register_with_a_wrong_token_is_refused",
            "/v3/register",
            json!({"username": "alice", "password": "x".repeat(16), "auth": {"type": "m.login.registration_token", "token": "wrong"}}),
        )
        .only(&["/errcode", "/completed"]).decided_by("token_stage_needs_session"),
        get("a_free_name_is_available", "/v3/register/available?username=alice"),
        register("register_gives_user_device_and_token", "alice"),
        get("a_taken_name_is_not_available", "/v3/register/available?username=alice"),
        register("register_of_a_taken_name_is_refused", "alice"),
        post("register_of_a_bad_name_is_refused", "/v3/register", json!({"username": "not a name!", "password": "x".repeat(16)}))
            .only(&["/errcode"]),
        text("register_without_json_is_refused", Method::POST, "/v3/register", "{not json").only(&["/errcode"]).decided_by("not_json"),
        get("whoami_names_user_and_device", "/v3/account/whoami").by("alice"),
        get("capabilities_allow_a_change_of_password", "/v3/capabilities").by("alice").only(&["/capabilities/m.change_password"]),
        get("capabilities_name_the_default_room_version", "/v3/capabilities")
            .by("alice")
            .only(&["/capabilities/m.room_versions/default"])
            .decided_by("default_room_version"),
        get("a_new_profile_shows_the_default_name", "/v3/profile/%40alice%3Aconformance.test").by("alice").only(&["/displayname"]).decided_by("sets_display_name"),
        put("a_user_sets_the_own_name", "/v3/profile/%40alice%3Aconformance.test/displayname", json!({"displayname": "Alice"})).by("alice"),
        get("a_set_name_is_read", "/v3/profile/%40alice%3Aconformance.test/displayname").by("alice"),
        get("the_profile_of_an_unknown_user_is_not_found", "/v3/profile/%40nobody%3Aconformance.test").by("alice").only(&["/errcode"]).decided_by("unknown_profile"),
        register("a_second_user_registers", "bob"),
        put("nobody_sets_the_name_of_another_user", "/v3/profile/%40alice%3Aconformance.test/displayname", json!({"displayname": "Not Alice"}))
            .by("bob")
            .pick(outcome).decided_by("foreign_profile"),
        post("login_with_the_full_user_id_works", "/v3/login", json!({
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": alice}, "password": password("alice"),
        }))
        .only(&["/user_id", "/errcode"]),
        post("deactivation_asks_for_the_password", "/v3/account/deactivate", json!({"erase": false})).by("bob").only(&["/flows"]),
        with_password("deactivation_with_the_password_works", Method::POST, "/v3/account/deactivate", json!({"erase": false}), "bob", &password("bob"))
            .by("bob"),
        get("the_token_of_a_deactivated_user_is_dead", "/v3/account/whoami").by("bob").decided_by("says_soft_logout"),
        post("login_of_a_deactivated_user_is_refused", "/v3/login", json!({
            "type": "m.login.password", "identifier": {"type": "m.id.user", "user": "bob"}, "password": password("bob"),
        }))
        .decided_by("deactivated"),
        register("the_name_of_a_deactivated_user_stays_taken", "bob"),
        get("an_unknown_endpoint_is_unrecognized", "/v3/there/is/no/such/thing").by("alice").only(&["/errcode"]),
        text("a_known_endpoint_with_another_method_is_unrecognized", Method::DELETE, "/v3/account/whoami", "").by("alice").only(&["/errcode"]),
    ]
    .into_iter()
    .collect()
}

fn names_v1_11(body: &Value) -> Value {
    let versions = body["versions"].as_array();
    json!(versions.is_some_and(|versions| versions.iter().any(|version| version == "v1.11")))
}

fn offers_password(body: &Value) -> Value {
    let flows = body["flows"].as_array();
    json!(flows.is_some_and(|flows| flows.iter().any(|flow| flow["type"] == "m.login.password")))
}
