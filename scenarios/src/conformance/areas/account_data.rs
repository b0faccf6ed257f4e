use reqwest::Method;
use serde_json::{Value, json};

use crate::conformance::step::{Step, first_sync, get, post, put, register, sync, text};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn steps() -> Vec<Step> {
    let data = "/v3/user/@ada:conformance.test/account_data/org.example.settings";
    vec![
        register("the_user_registers", "ada"),
        register("another_user_registers", "eve"),
        first_sync("the_user_syncs", "ada").only(&["/errcode"]),
        get("absent_account_data_is_not_found", data)
            .by("ada")
            .only(&["/errcode"]),
        put("account_data_is_stored", data, json!({"colour": "green"})).by("ada"),
        get("account_data_is_read", data).by("ada"),
        sync("account_data_is_in_the_sync", "ada", &["/account_data/events"]).pick(own_data),
        get("the_account_data_of_others_is_not_read", data)
            .by("eve")
            .only(&["/errcode"]),
        put("the_account_data_of_others_is_not_stored", data, json!({}))
            .by("eve")
            .only(&["/errcode"]),
        post("a_room_is_made", "/v3/createRoom", json!({"room_version": "11"}))
            .by("ada")
            .save("room", "/room_id")
            .only(&["/errcode"]),
        put(
            "account_data_of_a_room_is_stored",
            "/v3/user/@ada:conformance.test/rooms/{room}/account_data/org.example.mark",
            json!({"at": 1}),
        )
        .by("ada"),
        get(
            "account_data_of_a_room_is_read",
            "/v3/user/@ada:conformance.test/rooms/{room}/account_data/org.example.mark",
        )
        .by("ada"),
        put(
            "a_tag_is_set",
            "/v3/user/@ada:conformance.test/rooms/{room}/tags/m.favourite",
            json!({"order": 0.5}),
        )
        .by("ada"),
        get("tags_are_read", "/v3/user/@ada:conformance.test/rooms/{room}/tags").by("ada"),
        get(
            "push_rules_have_the_masters_default",
            "/v3/pushrules/global/override/.m.rule.master",
        )
        .by("ada")
        .only(&["/enabled", "/default", "/rule_id"]),
        put(
            "a_push_rule_is_switched",
            "/v3/pushrules/global/override/.m.rule.master/enabled",
            json!({"enabled": true}),
        )
        .by("ada"),
        get(
            "a_switched_push_rule_is_read",
            "/v3/pushrules/global/override/.m.rule.master/enabled",
        )
        .by("ada"),
        text(
            "media_is_uploaded",
            Method::POST,
            "/_matrix/media/v3/upload?filename=a.json",
            "{\"a\": 1}",
        )
        .by("ada")
        .save("media", "/content_uri"),
        get("the_upload_limit_is_told", "/v1/media/config")
            .by("ada")
            .pick(|body| json!(body["m.upload.size"].is_number())),
    ]
}

fn own_data(body: &Value) -> Value {
    let events = body.pointer("/account_data/events").and_then(Value::as_array);
    events
        .into_iter()
        .flatten()
        .filter(|event| event["type"] == "org.example.settings")
        .cloned()
        .collect::<Vec<_>>()
        .into()
}
