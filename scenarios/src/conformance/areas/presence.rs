//! Who is there.

use serde_json::json;

use super::{
    super::step::{first_sync, get, post, put, register, sync},
    Step,
};

pub(super) fn steps() -> Vec<Step> {
    vec![
        register("the_user_registers", "ann"),
        register("another_user_registers", "ben"),
        post("a_room_is_made", "/v3/createRoom", json!({"preset": "public_chat"}))
            .by("ann")
            .only(&[])
            .save("room", "/room_id"),
        post("the_other_joins", "/v3/rooms/{room}/join", json!({}))
            .by("ben")
            .only(&[]),
        get(
            "before_anything_is_said_of_it",
            "/v3/presence/@ann:conformance.test/status",
        )
        .by("ben")
        .only(&["/presence", "/errcode"]),
        sync("the_other_looks", "ben", &["/next_batch"]).only(&["/errcode"]),
        put(
            "a_presence_is_set",
            "/v3/presence/@ann:conformance.test/status",
            json!({"presence": "unavailable", "status_msg": "away"}),
        )
        .by("ann"),
        get("it_is_told_to_who_asks", "/v3/presence/@ann:conformance.test/status")
            .by("ben")
            .only(&["/presence", "/status_msg", "/currently_active"]),
        get("it_is_told_to_the_user", "/v3/presence/@ann:conformance.test/status")
            .by("ann")
            .only(&["/presence", "/status_msg"]),
        put(
            "a_stranger_sets_it",
            "/v3/presence/@ann:conformance.test/status",
            json!({"presence": "online"}),
        )
        .by("ben")
        .only(&["/errcode"]),
        first_sync("a_first_sync_tells_of_all", "ben").pick(told),
    ]
}

/// Of whom a sync tells what.
fn told(sync: &serde_json::Value) -> serde_json::Value {
    let events = sync["presence"]["events"].as_array();
    let mut told: Vec<String> = events
        .into_iter()
        .flatten()
        .map(|event| format!("{} {}", event["sender"], event["content"]["presence"]))
        .collect();
    told.sort();
    json!(told)
}
