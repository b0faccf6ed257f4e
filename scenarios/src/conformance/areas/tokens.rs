use reqwest::Method;
use serde_json::json;

use crate::conformance::step::{Step, collect, first_sync, get, login, password, poll, post, register, text};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn steps() -> Vec<Step> {
    let body = |user: &str, password: &str| json!({"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password});
    vec![
        register("the_user_registers", "tom"),
        get("no_token_is_missing", "/v3/account/whoami").decided_by("missing_token"),
        get("an_empty_token_is_missing", "/v3/account/whoami?access_token=").decided_by("empty_token_is_unknown"),
        get("a_garbage_token_is_unknown", "/v3/account/whoami?access_token=garbage").decided_by("says_soft_logout"),
        post("a_wrong_password_is_forbidden", "/v3/login", body("tom", "wrong")),
        post("an_unknown_user_cannot_log_in", "/v3/login", body("nobody", "wrong")).decided_by("unknown_user"),
        post(
            "an_upper_case_name_at_login",
            "/v3/login",
            body("TOM", &password("tom")),
        )
        .only(&["/user_id", "/errcode"])
        .decided_by("lowers_names"),
        post(
            "a_user_of_another_server_cannot_log_in",
            "/v3/login",
            body("@tom:elsewhere.test", &password("tom")),
        )
        .only(&["/errcode"])
        .decided_by("unknown_user"),
        post(
            "an_unknown_login_type_is_refused",
            "/v3/login",
            json!({"type": "m.login.nonsense"}),
        )
        .only(&["/errcode"])
        .decided_by("unknown_login_type"),
        post(
            "a_login_without_a_password_is_refused",
            "/v3/login",
            json!({
                "type": "m.login.password", "identifier": {"type": "m.id.user", "user": "tom"},
            }),
        )
        .only(&["/errcode"])
        .decided_by("misfits"),
        text(
            "a_login_that_is_no_json_is_refused",
            Method::POST,
            "/v3/login",
            "{not json",
        )
        .only(&["/errcode"])
        .decided_by("not_json"),
        login("a_login_takes_an_unknown_device_id", "tom", Some("LAPTOP"), "laptop"),
        get("the_token_belongs_to_that_device", "/v3/account/whoami").by("laptop"),
        login(
            "a_login_on_a_living_device_keeps_its_id",
            "tom",
            Some("LAPTOP"),
            "again",
        ),
        get("the_new_token_of_the_device_lives", "/v3/account/whoami").by("again"),
        get("the_old_token_of_the_device_after_the_login", "/v3/account/whoami")
            .by("laptop")
            .decided_by("login_kills_old_token"),
        get("the_first_device_is_untouched", "/v3/account/whoami").by("tom"),
        first_sync("the_device_syncs", "again").only(&["/nothing"]),
        poll("a_long_poll_is_pending", "again", "until_login", 3_000),
        login("another_login_on_the_device", "tom", Some("LAPTOP"), "third"),
        collect("the_pending_poll_answers_after_all", "until_login")
            .only(&["/errcode", "/soft_logout"])
            .decided_by("rechecks_token_after_poll"),
        get("the_token_of_the_pending_poll_afterwards", "/v3/account/whoami")
            .by("again")
            .decided_by("login_kills_old_token"),
        first_sync("the_third_token_syncs", "third").only(&["/nothing"]),
        poll("a_second_long_poll_is_pending", "third", "until_logout", 3_000),
        post("logout_works", "/v3/logout", json!({})).by("third"),
        collect("the_pending_poll_ends_with_the_logout", "until_logout")
            .only(&["/errcode", "/soft_logout"])
            .decided_by("wakes_poll_on_deletion"),
        get("a_token_is_dead_after_the_logout", "/v3/account/whoami")
            .by("third")
            .decided_by("says_soft_logout"),
        post("logout_with_a_dead_token_is_refused", "/v3/logout", json!({}))
            .by("third")
            .decided_by("says_soft_logout"),
        get("logout_deleted_the_device", "/v3/devices/LAPTOP")
            .by("tom")
            .only(&["/errcode"]),
        login("one_more_device_logs_in", "tom", Some("PHONE"), "phone"),
        post("logout_everywhere_works", "/v3/logout/all", json!({})).by("tom"),
        get("logout_everywhere_reaches_the_other_device", "/v3/account/whoami")
            .by("phone")
            .decided_by("says_soft_logout"),
        get("logout_everywhere_reaches_the_caller", "/v3/account/whoami")
            .by("tom")
            .decided_by("says_soft_logout"),
    ]
}
