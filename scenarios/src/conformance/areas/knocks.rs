use serde_json::{Value, json};

use super::pick::{fields_of, memberships, outcome};
use crate::conformance::step::{Step, first_sync, get, post, put, register, sync};

const NED: &str = "@ned:conformance.test";

fn knock(name: &'static str, room: &str, reason: &str) -> Step {
    post(name, &format!("/v3/knock/{room}"), json!({"reason": reason}))
        .by("ned")
        .pick(outcome)
}

fn on_knocker(name: &'static str, action: &str) -> Step {
    post(name, &format!("/v3/rooms/{{gate}}/{action}"), json!({"user_id": NED}))
        .by("kate")
        .pick(outcome)
}

pub(super) fn steps() -> Vec<Step> {
    [knocking(), answering(), refused()].concat()
}

fn knocking() -> Vec<Step> {
    vec![
        register("the_keeper_registers", "kate"),
        register("the_knocker_registers", "ned"),
        post(
            "a_room_to_knock_on_is_made",
            "/v3/createRoom",
            json!({
                "preset": "private_chat", "room_version": "11", "room_alias_name": "gate",
                "initial_state": [{"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}],
            }),
        )
        .by("kate")
        .save("gate", "/room_id")
        .only(&["/errcode"]),
        get("its_join_rule_is_knock", "/v3/rooms/{gate}/state/m.room.join_rules").by("kate"),
        first_sync("the_keeper_syncs", "kate").only(&["/errcode"]),
        first_sync("the_knocker_syncs", "ned").only(&["/errcode"]),
        post("a_join_without_an_invite_is_refused", "/v3/join/{gate}", json!({}))
            .by("ned")
            .pick(outcome),
        knock("a_knock_is_taken", "{gate}", "code-1").pick(|body| fields_of(body, &["/room_id", "/errcode"])),
        sync(
            "the_knock_wakes_the_keeper",
            "kate",
            &["/rooms/join/<gate>/timeline/events"],
        )
        .pick(knocks_in_timeline),
        get(
            "the_knock_is_among_the_members",
            "/v3/rooms/{gate}/members?membership=knock",
        )
        .by("kate")
        .pick(memberships),
        get(
            "the_knock_is_in_the_state",
            "/v3/rooms/{gate}/state/m.room.member/%40ned%3Aconformance.test",
        )
        .by("kate")
        .only(&["/membership", "/reason"]),
        get("what_the_knockers_sync_shows", "/v3/sync?timeout=0")
            .by("ned")
            .pick(sections)
            .decided_by("remembers_syncs"),
        knock("knocking_twice", "{gate}", "code-2"),
        get(
            "the_second_knocks_reason_counts",
            "/v3/rooms/{gate}/members?membership=knock",
        )
        .by("kate")
        .pick(memberships),
    ]
}

fn answering() -> Vec<Step> {
    vec![
        on_knocker("a_knock_is_declined_by_a_kick", "kick").decided_by("kick_needs_member"),
        put(
            "a_knock_is_declined_by_setting_the_membership",
            "/v3/rooms/{gate}/state/m.room.member/%40ned%3Aconformance.test",
            json!({"membership": "leave"}),
        )
        .by("kate")
        .pick(outcome)
        .decided_by("kick_needs_member"),
        get("nobody_knocks_after_that", "/v3/rooms/{gate}/members?membership=knock")
            .by("kate")
            .pick(memberships),
        knock(
            "who_was_declined_knocks_again_by_the_alias",
            "%23gate%3Aconformance.test",
            "code-3",
        ),
        on_knocker("the_knocker_is_invited", "invite"),
        sync(
            "the_invite_reaches_the_knocker",
            "ned",
            &["/rooms/invite/<gate>/invite_state/events"],
        )
        .pick(sections),
        knock("knocking_when_invited", "{gate}", "code-4"),
        post("the_invited_knocker_joins", "/v3/join/{gate}", json!({}))
            .by("ned")
            .only(&["/errcode"]),
        knock("knocking_when_joined", "{gate}", "code-5"),
        post("the_member_leaves", "/v3/rooms/{gate}/leave", json!({}))
            .by("ned")
            .pick(outcome),
        knock("who_left_knocks_again", "{gate}", "code-6"),
        post("the_knocker_withdraws", "/v3/rooms/{gate}/leave", json!({}))
            .by("ned")
            .pick(outcome),
    ]
}

fn refused() -> Vec<Step> {
    vec![
        on_knocker("the_keeper_bans_the_knocker", "ban"),
        knock("who_is_banned_cannot_knock", "{gate}", "code-7").decided_by("says_bad_state"),
        on_knocker("the_ban_is_lifted", "unban"),
        post(
            "a_room_by_invite_only_is_made",
            "/v3/createRoom",
            json!({"preset": "private_chat", "room_version": "11"}),
        )
        .by("kate")
        .save("cellar", "/room_id")
        .only(&["/errcode"]),
        knock("a_room_by_invite_only_hears_no_knock", "{cellar}", "x"),
        post(
            "a_public_room_is_made",
            "/v3/createRoom",
            json!({"preset": "public_chat", "room_version": "11"}),
        )
        .by("kate")
        .save("square", "/room_id")
        .only(&["/errcode"]),
        knock("a_public_room_hears_no_knock", "{square}", "x"),
        knock(
            "an_unknown_room_hears_no_knock",
            "%21nosuchroom%3Aconformance.test",
            "x",
        )
        .decided_by("unknown_room_knock"),
        knock(
            "an_unknown_alias_hears_no_knock",
            "%23nosuchalias%3Aconformance.test",
            "x",
        ),
    ]
}

fn knocks_in_timeline(body: &Value) -> Value {
    let events = body
        .pointer("/rooms/join/<gate>/timeline/events")
        .and_then(Value::as_array);
    events
        .into_iter()
        .flatten()
        .filter(|event| event["content"]["membership"] == "knock")
        .map(|event| {
            fields_of(
                event,
                &[
                    "/type",
                    "/state_key",
                    "/sender",
                    "/content/membership",
                    "/content/reason",
                ],
            )
        })
        .collect::<Vec<_>>()
        .into()
}

/// Which rooms are in which section of a sync.
fn sections(body: &Value) -> Value {
    ["join", "invite", "knock"]
        .iter()
        .filter_map(|&section| {
            Some((
                section.to_owned(),
                json!(body["rooms"][section].as_object()?.keys().collect::<Vec<_>>()),
            ))
        })
        .filter(|(_, rooms)| rooms != &json!([]))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
