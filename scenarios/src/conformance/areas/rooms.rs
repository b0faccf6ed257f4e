use serde_json::{Value, json};

use super::pick::{events, memberships, outcome, rows};
use crate::conformance::step::{Step, get, post, put, register};

pub(super) fn steps() -> Vec<Step> {
    [people(), creating(), talking(), leaving()].concat()
}

fn people() -> Vec<Step> {
    vec![
        register("the_owner_registers", "rita"),
        register("a_guest_registers", "gus"),
        register("a_stranger_registers", "sam"),
    ]
}

fn creating() -> Vec<Step> {
    vec![
        post("a_private_room_is_made", "/v3/createRoom", json!({"preset": "private_chat", "name": "Den"})).by("rita").save("den", "/room_id").only(&["/errcode"]),
        get("its_version_is_the_default", "/v3/rooms/{den}/state/m.room.create").by("rita").only(&["/room_version"])
            .decided_by("default_room_version"),
        get("its_join_rule_is_invite", "/v3/rooms/{den}/state/m.room.join_rules").by("rita"),
        get("its_history_is_shared", "/v3/rooms/{den}/state/m.room.history_visibility").by("rita"),
        get("guests_can_join_it", "/v3/rooms/{den}/state/m.room.guest_access").by("rita"),
        get("its_name_is_set", "/v3/rooms/{den}/state/m.room.name").by("rita"),
        get("its_power_levels", "/v3/rooms/{den}/state/m.room.power_levels")
            .by("rita")
            .only(&["/users", "/invite", "/kick", "/ban", "/redact", "/state_default", "/users_default", "/events_default"])
            .decided_by("default_room_version"),
        post("a_lobby_is_made", "/v3/createRoom", json!({
            "preset": "public_chat", "room_version": "11", "visibility": "private",
            "initial_state": [{"type": "m.room.history_visibility", "state_key": "", "content": {"history_visibility": "world_readable"}}],
        }))
        .by("rita")
        .save("lobby", "/room_id")
        .only(&["/errcode"]),
        get("the_lobbys_version_is_the_asked_one", "/v3/rooms/{lobby}/state/m.room.create").by("rita").only(&["/room_version"]),
        get("the_lobbys_join_rule_is_public", "/v3/rooms/{lobby}/state/m.room.join_rules").by("rita"),
        get("the_lobbys_history_is_readable_for_all", "/v3/rooms/{lobby}/state/m.room.history_visibility").by("rita"),
        post("a_trusted_encrypted_chat_is_made", "/v3/createRoom", json!({
            "preset": "trusted_private_chat", "is_direct": true, "room_version": "11", "invite": ["@gus:conformance.test"],
            "initial_state": [{"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}}],
        }))
        .by("rita")
        .save("chat", "/room_id")
        .only(&["/errcode"]),
        get("the_chat_is_encrypted", "/v3/rooms/{chat}/state/m.room.encryption").by("rita"),
        get("the_invited_one_has_power_in_a_trusted_chat", "/v3/rooms/{chat}/state/m.room.power_levels").by("rita").only(&["/users"]),
        post("version_12_where_it_is_known", "/v3/createRoom", json!({"room_version": "12"})).by("rita").pick(outcome).decided_by("room_versions"),
        post("an_unknown_version_is_refused", "/v3/createRoom", json!({"room_version": "no-such-version"})).by("rita").only(&["/errcode"]),
        post("an_unknown_preset_is_refused", "/v3/createRoom", json!({"preset": "no_such_preset"})).by("rita").only(&["/errcode"])
            .decided_by("refuses_unknown_presets"),
        post("a_room_with_given_power_levels_is_made", "/v3/createRoom", json!({
            "room_version": "11", "power_level_content_override": {"invite": 50, "events": {"m.room.name": 77}},
        }))
        .by("rita")
        .save("powers", "/room_id")
        .only(&["/errcode"]),
        get("the_given_power_levels_win", "/v3/rooms/{powers}/state/m.room.power_levels").by("rita").only(&["/invite", "/events/m.room.name"]),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn talking() -> Vec<Step> {
    vec![
        put(
            "the_owner_says_something",
            "/v3/rooms/{lobby}/send/m.room.message/t1",
            json!({"msgtype": "m.text", "body": "one"}),
        )
        .by("rita")
        .save("one", "/event_id"),
        get("the_message_is_read_by_its_id", "/v3/rooms/{lobby}/event/{one}")
            .by("rita")
            .only(&["/type", "/sender", "/content", "/event_id"]),
        get(
            "an_unknown_event_is_not_found",
            "/v3/rooms/{lobby}/event/%24nosuchevent12345",
        )
        .by("rita")
        .only(&["/errcode"]),
        put(
            "a_stranger_cannot_talk",
            "/v3/rooms/{lobby}/send/m.room.message/t2",
            json!({"msgtype": "m.text", "body": "two"}),
        )
        .by("sam")
        .pick(outcome),
        post("a_stranger_joins_a_public_room", "/v3/join/{lobby}", json!({}))
            .by("sam")
            .only(&["/errcode"]),
        post("joining_twice_changes_nothing", "/v3/rooms/{lobby}/join", json!({}))
            .by("sam")
            .only(&["/errcode"]),
        put(
            "who_joined_can_talk",
            "/v3/rooms/{lobby}/send/m.room.message/t3",
            json!({"msgtype": "m.text", "body": "three"}),
        )
        .by("sam")
        .pick(outcome),
        get(
            "messages_are_read_backwards",
            "/v3/rooms/{lobby}/messages?dir=b&limit=3",
        )
        .by("sam")
        .pick(bodies),
        get(
            "the_context_of_an_event_is_read",
            "/v3/rooms/{lobby}/context/{one}?limit=0",
        )
        .by("sam")
        .only(&["/event/content/body", "/errcode"]),
        get("the_joined_members_are_listed", "/v3/rooms/{lobby}/joined_members")
            .by("sam")
            .pick(joined),
        get("the_members_are_listed", "/v3/rooms/{lobby}/members")
            .by("sam")
            .pick(memberships),
        get("the_joined_rooms_are_listed", "/v3/joined_rooms").by("sam"),
        put(
            "who_has_no_power_cannot_set_the_name",
            "/v3/rooms/{lobby}/state/m.room.name",
            json!({"name": "mine"}),
        )
        .by("sam")
        .pick(outcome),
        put(
            "the_owner_sets_the_topic",
            "/v3/rooms/{lobby}/state/m.room.topic",
            json!({"topic": "tea"}),
        )
        .by("rita")
        .pick(outcome),
        get("the_topic_is_read", "/v3/rooms/{lobby}/state/m.room.topic")
            .by("sam")
            .only(&["/topic"]),
        get(
            "absent_state_is_not_found",
            "/v3/rooms/{lobby}/state/org.example.absent",
        )
        .by("sam")
        .only(&["/errcode"]),
        put(
            "state_with_a_key_is_set",
            "/v3/rooms/{lobby}/state/org.example.keyed/some_key",
            json!({"a": 1}),
        )
        .by("rita")
        .pick(outcome),
        get(
            "state_with_a_key_is_read",
            "/v3/rooms/{lobby}/state/org.example.keyed/some_key",
        )
        .by("rita"),
        put(
            "an_event_is_redacted",
            "/v3/rooms/{lobby}/redact/{one}/r1",
            json!({"reason": "oops"}),
        )
        .by("rita")
        .pick(outcome),
        get("a_redacted_event_has_no_content", "/v3/rooms/{lobby}/event/{one}")
            .by("rita")
            .only(&["/type", "/content"]),
        get("strangers_cannot_read_a_private_room", "/v3/rooms/{den}/messages?dir=b")
            .by("sam")
            .only(&["/errcode"])
            .decided_by("guards_messages"),
        get("strangers_cannot_read_private_state", "/v3/rooms/{den}/state")
            .by("sam")
            .only(&["/errcode"]),
        get("the_state_is_listed", "/v3/rooms/{powers}/state")
            .by("rita")
            .pick(types),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn leaving() -> Vec<Step> {
    vec![
        post("a_stranger_cannot_join_a_private_room", "/v3/join/{den}", json!({}))
            .by("sam")
            .pick(outcome),
        post(
            "joining_an_unknown_room_fails",
            "/v3/join/%21nosuchroom%3Aconformance.test",
            json!({}),
        )
        .by("sam")
        .only(&["/errcode"])
        .decided_by("unknown_room_join"),
        post(
            "who_has_no_power_cannot_kick",
            "/v3/rooms/{lobby}/kick",
            json!({"user_id": "@rita:conformance.test"}),
        )
        .by("sam")
        .pick(outcome),
        post(
            "a_member_is_kicked",
            "/v3/rooms/{lobby}/kick",
            json!({"user_id": "@sam:conformance.test", "reason": "noise"}),
        )
        .by("rita")
        .pick(outcome),
        post("who_was_kicked_can_come_back", "/v3/join/{lobby}", json!({}))
            .by("sam")
            .only(&["/errcode"]),
        post(
            "a_member_is_banned",
            "/v3/rooms/{lobby}/ban",
            json!({"user_id": "@sam:conformance.test"}),
        )
        .by("rita")
        .pick(outcome),
        post("who_is_banned_cannot_join", "/v3/join/{lobby}", json!({}))
            .by("sam")
            .pick(outcome)
            .decided_by("says_bad_state"),
        post(
            "a_ban_is_lifted",
            "/v3/rooms/{lobby}/unban",
            json!({"user_id": "@sam:conformance.test"}),
        )
        .by("rita")
        .pick(outcome),
        post(
            "lifting_a_ban_that_is_not_there",
            "/v3/rooms/{lobby}/unban",
            json!({"user_id": "@sam:conformance.test"}),
        )
        .by("rita")
        .pick(outcome)
        .decided_by("says_bad_state"),
        post("who_is_not_banned_any_more_can_join", "/v3/join/{lobby}", json!({}))
            .by("sam")
            .only(&["/errcode"]),
        post("a_member_leaves", "/v3/rooms/{lobby}/leave", json!({}))
            .by("sam")
            .pick(outcome),
        post("leaving_twice", "/v3/rooms/{lobby}/leave", json!({}))
            .by("sam")
            .pick(outcome),
        get("who_left_is_not_in_the_room", "/v3/joined_rooms").by("sam"),
        post("a_left_room_is_forgotten", "/v3/rooms/{lobby}/forget", json!({}))
            .by("sam")
            .pick(outcome),
        post("a_joined_room_is_not_forgotten", "/v3/rooms/{lobby}/forget", json!({}))
            .by("rita")
            .only(&["/errcode"]),
    ]
}

fn bodies(body: &Value) -> Value {
    rows(body, "/chunk", &["/type", "/content/body", "/sender"])
}

fn joined(body: &Value) -> Value {
    let mut users: Vec<&String> = body["joined"]
        .as_object()
        .map(|joined| joined.keys().collect())
        .unwrap_or_default();
    users.sort();
    json!(users)
}

fn types(body: &Value) -> Value {
    match body {
        Value::Array(_) => rows(&json!({"state": body}), "/state", &["/type", "/state_key"]),
        _ => events(body, "/state"),
    }
}
