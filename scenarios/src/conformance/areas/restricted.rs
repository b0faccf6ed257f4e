use serde_json::{Value, json};

use super::pick::{fields_of, outcome};
use crate::conformance::step::{Step, get, post, put, register};

pub(super) fn steps() -> Vec<Step> {
    vec![
        register("the_owner_registers", "olga"),
        register("a_newcomer_registers", "nils"),
        post("a_space_is_made", "/v3/createRoom", json!({
            "preset": "private_chat", "room_version": "11", "creation_content": {"type": "m.space"}, "name": "Space",
            "initial_state": [{"type": "m.room.join_rules", "state_key": "", "content": {"join_rule": "knock"}}],
        }))
        .by("olga")
        .save("space", "/room_id")
        .only(&["/errcode"]),
        post("a_restricted_child_is_made", "/v3/createRoom", json!({
            "preset": "private_chat", "room_version": "11", "name": "Child",
            "initial_state": [
                {"type": "m.room.join_rules", "state_key": "", "content": {
                    "join_rule": "restricted", "allow": [{"type": "m.room_membership", "room_id": "{space}"}],
                }},
                {"type": "m.room.encryption", "state_key": "", "content": {"algorithm": "m.megolm.v1.aes-sha2"}},
                {"type": "m.space.parent", "state_key": "{space}", "content": {"canonical": true, "via": ["conformance.test"]}},
            ],
        }))
        .by("olga")
        .save("child", "/room_id")
        .only(&["/errcode"]),
        put("the_child_is_put_into_the_space", "/v3/rooms/{space}/state/m.space.child/{child}", json!({"via": ["conformance.test"]})).by("olga").pick(outcome),
        get("the_childs_join_rule_is_kept", "/v3/rooms/{child}/state/m.room.join_rules").by("olga"),
        get("the_hierarchy_shows_the_child_to_the_owner", "/v1/rooms/{space}/hierarchy").by("olga").pick(hierarchy).decided_by("keeps_room_statistics"),
        post("who_is_not_in_the_space_cannot_join_the_child", "/v3/join/{child}", json!({})).by("nils").pick(outcome),
        get("who_is_not_in_the_space_does_not_see_the_hierarchy", "/v1/rooms/{space}/hierarchy").by("nils").pick(hierarchy)
            .decided_by("keeps_room_statistics"),
        post("the_newcomer_is_invited_to_the_space", "/v3/rooms/{space}/invite", json!({"user_id": "@nils:conformance.test"})).by("olga").pick(outcome),
        post("an_invite_to_the_space_is_not_enough_for_the_child", "/v3/join/{child}", json!({})).by("nils").pick(outcome),
        post("the_newcomer_joins_the_space", "/v3/join/{space}", json!({})).by("nils").only(&["/errcode"]),
        post("who_is_in_the_space_joins_the_child_without_an_invite", "/v3/join/{child}", json!({})).by("nils").only(&["/errcode"]),
        get("the_join_names_who_authorised_it", "/v3/rooms/{child}/state/m.room.member/%40nils%3Aconformance.test")
            .by("nils")
            .only(&["/membership", "/join_authorised_via_users_server"]),
        get("the_hierarchy_shows_the_child_to_the_newcomer", "/v1/rooms/{space}/hierarchy").by("nils").pick(hierarchy).decided_by("remembers_hierarchy"),
        post("the_newcomer_leaves_the_space", "/v3/rooms/{space}/leave", json!({})).by("nils").pick(outcome),
        get("leaving_the_space_keeps_the_child", "/v3/joined_rooms").by("nils"),
    ]
}

fn hierarchy(body: &Value) -> Value {
    let Some(rooms) = body["rooms"].as_array() else {
        return outcome(body);
    };
    let mut rows: Vec<Value> = rooms
        .iter()
        .map(|room| {
            let mut row = fields_of(
                room,
                &["/room_id", "/name", "/room_type", "/join_rule", "/num_joined_members"],
            );
            row["children"] = json!(room["children_state"].as_array().map_or(0, Vec::len));
            row
        })
        .collect();
    rows.sort_by_key(ToString::to_string);
    json!(rows)
}
