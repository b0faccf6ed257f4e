use serde_json::{Value, json};

use super::pick::rows;
use crate::conformance::step::{Step, first_sync, get, login, post, put, register, sync};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn steps() -> Vec<Step> {
    vec![
        register("the_user_registers", "sue"),
        register("another_user_registers", "otto"),
        get("a_sync_without_a_token_is_refused", "/v3/sync?timeout=0")
            .only(&["/errcode"])
            .decided_by("missing_token"),
        first_sync("the_first_sync_of_a_new_user", "sue").pick(keys),
        post(
            "a_room_is_made",
            "/v3/createRoom",
            json!({"preset": "private_chat", "room_version": "11", "name": "Hall"}),
        )
        .by("sue")
        .save("hall", "/room_id")
        .only(&["/errcode"]),
        sync("the_new_room_is_in_the_sync", "sue", &["/rooms/join/<hall>"]).pick(room_names),
        get("an_idle_sync_is_empty", "/v3/sync?timeout=0&since={sue.since}")
            .by("sue")
            .pick(room_names),
        put(
            "a_message_is_sent",
            "/v3/rooms/{hall}/send/m.room.message/m1",
            json!({"msgtype": "m.text", "body": "hello"}),
        )
        .by("sue")
        .only(&["/errcode"]),
        sync(
            "the_message_is_in_the_timeline",
            "sue",
            &["/rooms/join/<hall>/timeline/events"],
        )
        .pick(timeline),
        put(
            "state_is_set",
            "/v3/rooms/{hall}/state/m.room.topic",
            json!({"topic": "tea"}),
        )
        .by("sue")
        .only(&["/errcode"]),
        sync(
            "new_state_is_in_the_timeline",
            "sue",
            &["/rooms/join/<hall>/timeline/events"],
        )
        .pick(timeline),
        post(
            "the_other_user_is_invited",
            "/v3/rooms/{hall}/invite",
            json!({"user_id": "@otto:conformance.test"}),
        )
        .by("sue")
        .only(&["/errcode"]),
        post("the_other_user_joins", "/v3/rooms/{hall}/join", json!({}))
            .by("otto")
            .only(&["/errcode"]),
        sync(
            "a_join_is_in_the_timeline",
            "sue",
            &["/rooms/join/<hall>/timeline/events"],
        )
        .pick(last_member),
        put(
            "typing_is_accepted",
            "/v3/rooms/{hall}/typing/@otto:conformance.test",
            json!({"typing": true, "timeout": 5000}),
        )
        .by("otto")
        .only(&["/errcode"]),
        sync("typing_is_in_the_sync", "sue", &["/rooms/join/<hall>/ephemeral/events"]).pick(typing),
        put(
            "one_more_message_is_sent",
            "/v3/rooms/{hall}/send/m.room.message/m2",
            json!({"msgtype": "m.text", "body": "bye"}),
        )
        .by("otto")
        .save("bye", "/event_id")
        .only(&["/errcode"]),
        post(
            "a_receipt_is_accepted",
            "/v3/rooms/{hall}/receipt/m.read/{bye}",
            json!({}),
        )
        .by("sue"),
        post(
            "a_filter_is_stored",
            "/v3/user/@sue:conformance.test/filter",
            json!({"room": {"timeline": {"limit": 1}}}),
        )
        .by("sue")
        .save("filter", "/filter_id"),
        get(
            "a_stored_filter_is_read",
            "/v3/user/@sue:conformance.test/filter/{filter}",
        )
        .by("sue")
        .only(&["/room/timeline/limit"]),
        get("a_filter_limits_the_timeline", "/v3/sync?timeout=0&filter={filter}")
            .by("sue")
            .pick(limited)
            .decided_by("ignores_timeline_limit"),
        get(
            "a_filter_in_the_url_works",
            "/v3/sync?timeout=0&filter=%7B%22room%22%3A%7B%22timeline%22%3A%7B%22limit%22%3A1%7D%7D%7D",
        )
        .by("sue")
        .pick(limited)
        .decided_by("ignores_timeline_limit"),
        get("nonsense_as_a_position", "/v3/sync?timeout=0&since=nonsense")
            .by("sue")
            .only(&["/errcode"])
            .decided_by("refuses_unknown_since"),
        login("the_user_logs_in_elsewhere", "sue", Some("SYNC"), "elsewhere"),
        get(
            "a_position_works_with_another_token",
            "/v3/sync?timeout=0&since={sue.since}",
        )
        .by("elsewhere")
        .only(&["/errcode"]),
        post("the_other_user_leaves", "/v3/rooms/{hall}/leave", json!({}))
            .by("otto")
            .only(&["/errcode"]),
        sync(
            "a_leave_is_in_the_timeline",
            "sue",
            &["/rooms/join/<hall>/timeline/events"],
        )
        .pick(last_member),
        get("a_left_room_is_not_in_a_first_sync", "/v3/sync?timeout=0")
            .by("otto")
            .pick(room_names)
            .decided_by("first_sync_shows_left_rooms"),
        put(
            "presence_is_accepted",
            "/v3/presence/@sue:conformance.test/status",
            json!({"presence": "online"}),
        )
        .by("sue")
        .only(&["/errcode"]),
    ]
}

fn keys(body: &Value) -> Value {
    json!({"has_position": body["next_batch"].is_string(), "one_time_keys": body["device_one_time_keys_count"]["signed_curve25519"].clone()})
}

fn room_names(body: &Value) -> Value {
    ["join", "invite", "knock", "leave"]
        .iter()
        .map(|&section| {
            (
                section.to_owned(),
                json!(
                    body["rooms"][section]
                        .as_object()
                        .map(|rooms| rooms.keys().collect::<Vec<_>>())
                        .unwrap_or_default()
                ),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn timeline(body: &Value) -> Value {
    rows(
        body,
        "/rooms/join/<hall>/timeline/events",
        &["/type", "/sender", "/state_key", "/content/body", "/content/topic"],
    )
}

fn typing(body: &Value) -> Value {
    let events = body
        .pointer("/rooms/join/<hall>/ephemeral/events")
        .and_then(Value::as_array);
    events
        .into_iter()
        .flatten()
        .filter(|event| event["type"] == "m.typing")
        .map(|event| event["content"]["user_ids"].clone())
        .collect::<Vec<_>>()
        .into()
}

fn limited(body: &Value) -> Value {
    let timeline = &body["rooms"]["join"]["<hall>"]["timeline"];
    json!({"events": timeline["events"].as_array().map(Vec::len), "limited": timeline["limited"]})
}

fn last_member(body: &Value) -> Value {
    let events = body
        .pointer("/rooms/join/<hall>/timeline/events")
        .and_then(Value::as_array);
    events
        .into_iter()
        .flatten()
        .filter(|event| event["type"] == "m.room.member")
        .map(|event| event["content"]["membership"].clone())
        .next_back()
        .into()
}
