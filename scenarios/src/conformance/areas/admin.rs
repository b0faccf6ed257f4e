use serde_json::json;

use crate::conformance::step::{Step, admin, get, login, post, register};

fn with(name: &'static str, user: &str, password: &str) -> Step {
    post(name, "/v3/login", json!({"type": "m.login.password", "identifier": {"type": "m.id.user", "user": user}, "password": password, "device_id": "PROBE"}))
        .only(&["/user_id", "/errcode"])
}

pub(super) fn steps() -> Vec<Step> {
    vec![
        register("a_user_registers", "uma"),
        login("the_users_device_logs_in", "uma", Some("UMA"), "device"),
        admin("a_password_is_reset", "users reset-password uma fresh-password-1"),
        get("a_reset_keeps_the_token", "/v3/account/whoami").by("device"),
        with("the_reset_password_is_taken", "uma", "fresh-password-1"),
        admin(
            "an_unknown_users_password",
            "users reset-password nobody fresh-password-2",
        )
        .decided_by("reset_creates"),
        with("whether_that_made_a_user", "nobody", "fresh-password-2").decided_by("reset_creates"),
        admin("a_user_is_made", "users create-user vera fresh-password-3"),
        with("the_made_user_logs_in", "vera", "fresh-password-3"),
        admin(
            "a_user_that_exists_is_not_made",
            "users create-user vera fresh-password-4",
        )
        .decided_by("moderates_accounts"),
        admin("a_user_is_deactivated", "users deactivate vera"),
        with("the_deactivated_user_cannot_log_in", "vera", "fresh-password-3").decided_by("deactivated"),
        admin(
            "the_password_of_a_deactivated_user_is_reset",
            "users reset-password vera fresh-password-5",
        )
        .decided_by("reset_creates"),
        with("whether_that_revived_the_user", "vera", "fresh-password-5").decided_by("reset_creates"),
        admin("an_unknown_command_is_told", "users no-such-command"),
    ]
}
