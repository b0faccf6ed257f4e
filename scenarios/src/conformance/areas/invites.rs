use serde_json::{Value, json};

use super::pick::{fields_of, memberships, outcome};
use crate::conformance::step::{Step, first_sync, get, post, register, sync};

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn steps() -> Vec<Step> {
    vec![
        register("the_host_registers", "hanna"),
        register("the_guest_registers", "gina"),
        register("a_third_registers", "theo"),
        first_sync("the_guest_syncs", "gina").only(&["/errcode"]),
        post(
            "a_room_is_made",
            "/v3/createRoom",
            json!({"preset": "private_chat", "room_version": "11", "name": "Parlour"}),
        )
        .by("hanna")
        .save("parlour", "/room_id")
        .only(&["/errcode"]),
        post(
            "the_guest_is_invited",
            "/v3/rooms/{parlour}/invite",
            json!({"user_id": "@gina:conformance.test", "reason": "come"}),
        )
        .by("hanna"),
        sync(
            "the_invite_reaches_the_guest",
            "gina",
            &["/rooms/invite/<parlour>/invite_state/events"],
        )
        .pick(invite_state),
        post(
            "inviting_twice",
            "/v3/rooms/{parlour}/invite",
            json!({"user_id": "@gina:conformance.test"}),
        )
        .by("hanna")
        .pick(outcome),
        post(
            "inviting_somebody_who_does_not_exist",
            "/v3/rooms/{parlour}/invite",
            json!({"user_id": "@nobody:conformance.test"}),
        )
        .by("hanna")
        .pick(outcome),
        post(
            "who_is_not_in_the_room_cannot_invite",
            "/v3/rooms/{parlour}/invite",
            json!({"user_id": "@theo:conformance.test"}),
        )
        .by("theo")
        .pick(outcome),
        post("the_guest_accepts", "/v3/rooms/{parlour}/join", json!({}))
            .by("gina")
            .only(&["/errcode"]),
        sync("the_guest_sees_the_room", "gina", &["/rooms/join/<parlour>"]).pick(rooms),
        post(
            "inviting_a_member_is_refused",
            "/v3/rooms/{parlour}/invite",
            json!({"user_id": "@gina:conformance.test"}),
        )
        .by("hanna")
        .pick(outcome),
        post(
            "a_member_without_power_invites_by_default",
            "/v3/rooms/{parlour}/invite",
            json!({"user_id": "@theo:conformance.test"}),
        )
        .by("gina")
        .pick(outcome),
        post("an_invite_is_declined", "/v3/rooms/{parlour}/leave", json!({}))
            .by("theo")
            .pick(outcome),
        post("who_declined_cannot_join", "/v3/rooms/{parlour}/join", json!({}))
            .by("theo")
            .pick(outcome),
        post(
            "who_declined_is_invited_again",
            "/v3/rooms/{parlour}/invite",
            json!({"user_id": "@theo:conformance.test"}),
        )
        .by("hanna")
        .pick(outcome),
        post(
            "an_invite_is_taken_back_by_a_kick",
            "/v3/rooms/{parlour}/kick",
            json!({"user_id": "@theo:conformance.test"}),
        )
        .by("hanna")
        .pick(outcome),
        get(
            "the_members_with_a_membership_are_listed",
            "/v3/rooms/{parlour}/members?membership=leave",
        )
        .by("hanna")
        .pick(memberships),
        get(
            "the_members_without_a_membership_are_listed",
            "/v3/rooms/{parlour}/members?not_membership=leave",
        )
        .by("hanna")
        .pick(memberships),
        post(
            "an_invite_of_what_is_no_user_id_is_refused",
            "/v3/rooms/{parlour}/invite",
            json!({"user_id": "nobody"}),
        )
        .by("hanna")
        .only(&["/errcode"])
        .decided_by("misfits"),
    ]
}

fn invite_state(body: &Value) -> Value {
    let events = body
        .pointer("/rooms/invite/<parlour>/invite_state/events")
        .and_then(Value::as_array);
    let mut kept: Vec<Value> = events
        .into_iter()
        .flatten()
        .filter(|event| {
            matches!(
                event["type"].as_str(),
                Some("m.room.name" | "m.room.join_rules" | "m.room.member")
            )
        })
        .map(|event| {
            fields_of(
                event,
                &[
                    "/type",
                    "/state_key",
                    "/sender",
                    "/content/membership",
                    "/content/name",
                    "/content/join_rule",
                    "/content/reason",
                ],
            )
        })
        .collect();
    kept.sort_by_key(ToString::to_string);
    json!(kept)
}

fn rooms(body: &Value) -> Value {
    let sections = ["join", "invite", "knock", "leave"];
    sections
        .iter()
        .filter_map(|&section| {
            let rooms = body["rooms"][section].as_object()?;
            (!rooms.is_empty()).then(|| (section.to_owned(), json!(rooms.keys().collect::<Vec<_>>())))
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}
