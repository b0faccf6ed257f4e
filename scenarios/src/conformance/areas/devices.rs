use reqwest::Method;
use serde_json::{Value, json};

use super::pick::rows;
use crate::conformance::step::{Step, delete, get, login, password, post, put, register, with_password};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn steps() -> Vec<Step> {
    vec![
        register("the_user_registers", "dora"),
        login("a_second_device_logs_in", "dora", Some("SECOND"), "second"),
        login("a_third_device_logs_in", "dora", Some("THIRD"), "third"),
        register("a_stranger_registers", "stranger"),
        get("all_devices_are_listed", "/v3/devices").by("dora").pick(ids),
        get("one_device_is_shown", "/v3/devices/SECOND")
            .by("dora")
            .only(&["/device_id", "/display_name"]),
        put(
            "a_device_is_renamed",
            "/v3/devices/SECOND",
            json!({"display_name": "a second one"}),
        )
        .by("dora"),
        get("the_new_name_is_shown", "/v3/devices/SECOND")
            .by("dora")
            .only(&["/device_id", "/display_name"]),
        get("an_unknown_device_is_not_found", "/v3/devices/NOSUCH")
            .by("dora")
            .only(&["/errcode"]),
        put(
            "an_unknown_device_is_not_renamed",
            "/v3/devices/NOSUCH",
            json!({"display_name": "x"}),
        )
        .by("dora")
        .only(&["/errcode"]),
        get("the_devices_of_others_are_not_shown", "/v3/devices/SECOND")
            .by("stranger")
            .only(&["/errcode"]),
        delete("deleting_a_device_asks_for_the_password", "/v3/devices/SECOND")
            .by("dora")
            .only(&["/flows", "/errcode"])
            .decided_by("not_json"),
        with_password(
            "deleting_with_a_wrong_password_is_refused",
            Method::DELETE,
            "/v3/devices/SECOND",
            json!({}),
            "dora",
            "wrong",
        )
        .by("dora")
        .only(&["/flows", "/errcode"]),
        get("a_device_that_was_not_deleted_lives", "/v3/account/whoami").by("second"),
        with_password(
            "deleting_with_the_password_works",
            Method::DELETE,
            "/v3/devices/SECOND",
            json!({}),
            "dora",
            &password("dora"),
        )
        .by("dora"),
        get("the_token_of_a_deleted_device_is_dead", "/v3/account/whoami")
            .by("second")
            .decided_by("says_soft_logout"),
        get("a_deleted_device_is_not_listed", "/v3/devices")
            .by("dora")
            .pick(ids),
        with_password(
            "several_devices_are_deleted_at_once",
            Method::POST,
            "/v3/delete_devices",
            json!({"devices": ["THIRD"]}),
            "dora",
            &password("dora"),
        )
        .by("dora"),
        get("the_token_of_the_third_is_dead", "/v3/account/whoami")
            .by("third")
            .decided_by("says_soft_logout"),
        login(
            "a_login_takes_the_id_of_a_deleted_device",
            "dora",
            Some("SECOND"),
            "revived",
        ),
        get("the_revived_device_is_listed", "/v3/devices").by("dora").pick(ids),
        get("the_revived_device_has_no_old_name", "/v3/devices/SECOND")
            .by("dora")
            .only(&["/device_id", "/display_name"]),
        post(
            "deleting_no_device_at_all",
            "/v3/delete_devices",
            json!({"devices": []}),
        )
        .by("dora")
        .only(&["/flows", "/errcode"]),
    ]
}

fn ids(body: &Value) -> Value {
    rows(body, "/devices", &["/device_id", "/display_name"])
}
