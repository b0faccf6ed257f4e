use reqwest::Method;
use serde_json::json;

use crate::conformance::step::{Step, get, login, password, post, register, reset, with_password};

fn with(name: &'static str, password: &str) -> Step {
    post(name, "/v3/login", json!({
        "type": "m.login.password", "identifier": {"type": "m.id.user", "user": "paul"}, "password": password, "device_id": "THIRD",
    }))
    .only(&["/user_id", "/device_id", "/errcode", "/error"])
}

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn steps() -> Vec<Step> {
    let change = |name, new: &str, log_out: Option<bool>, old: &str| {
        let mut body = json!({"new_password": new});
        if let Some(log_out) = log_out {
            body["logout_devices"] = log_out.into();
        }
        with_password(name, Method::POST, "/v3/account/password", body, "paul", old).by("paul")
    };
    vec![
        register("the_user_registers", "paul"),
        login("another_device_logs_in", "paul", Some("SECOND"), "second"),
        post(
            "a_change_of_password_asks_for_the_old_one",
            "/v3/account/password",
            json!({"new_password": "a-new-password-1"}),
        )
        .by("paul")
        .only(&["/flows"]),
        change(
            "a_change_with_a_wrong_password_is_refused",
            "a-new-password-1",
            None,
            "wrong",
        )
        .only(&["/flows", "/errcode"]),
        change(
            "a_change_that_keeps_devices_works",
            "a-new-password-1",
            Some(false),
            &password("paul"),
        ),
        get("the_other_device_lives_on_when_devices_are_kept", "/v3/account/whoami").by("second"),
        with("the_old_password_is_refused", &password("paul")),
        change(
            "a_change_that_logs_devices_out_works",
            "a-new-password-2",
            Some(true),
            "a-new-password-1",
        ),
        get("the_callers_own_token_lives_on", "/v3/account/whoami").by("paul"),
        get("the_other_devices_token_is_dead", "/v3/account/whoami")
            .by("second")
            .decided_by("says_soft_logout"),
        with("the_new_password_is_taken", "a-new-password-2").save("third.token", "/access_token"),
        change(
            "a_change_that_says_nothing_of_devices_works",
            "a-new-password-3",
            None,
            "a-new-password-2",
        ),
        get("saying_nothing_logs_devices_out", "/v3/account/whoami")
            .by("third")
            .decided_by("says_soft_logout"),
        with("a_device_for_the_operator_logs_in", "a-new-password-3").save("third.token", "/access_token"),
        reset(
            "the_operator_resets_the_password_and_keeps_devices",
            "paul",
            "a-new-password-4",
            false,
        ),
        get("a_reset_that_keeps_devices_keeps_tokens", "/v3/account/whoami").by("third"),
        with("the_operators_password_is_taken", "a-new-password-4").save("third.token", "/access_token"),
        with("the_password_before_the_reset_is_refused", "a-new-password-3"),
    ]
}
