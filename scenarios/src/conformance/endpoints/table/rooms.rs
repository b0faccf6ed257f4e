//! Rooms: making them, their aliases, their directory, their state.

use ruma::api::client::{alias, directory, room, space, state};
use serde_json::json;

use super::super::endpoint::{Endpoint, Fresh};

pub(super) fn endpoints() -> Vec<Endpoint> {
    [making(), directories(), states()].concat()
}

fn making() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<room::create_room::v3::Request>("create_room").json(json!({
            "name": "Hall", "topic": "talk", "preset": "private_chat", "visibility": "private", "room_version": "11", "is_direct": true,
            "invite": ["{bob}"], "creation_content": {"org.example.mark": 1}, "initial_state": [], "power_level_content_override": {},
        })),
        Endpoint::of::<room::create_room::v3::Request>("create_room_with_an_alias").json(json!({"room_alias_name": "{case}"})),
        Endpoint::of::<room::create_room::v3::Request>("create_room_of_an_unknown_version").json(json!({"room_version": "nosuch"})),
        Endpoint::of::<room::create_room::v3::Request>("create_room_for_a_mail_address").json(json!({
            "invite_3pid": [{"id_server": "id.test", "id_access_token": "nosuch", "medium": "email", "address": "a@example.org"}],
        })),
        Endpoint::of::<room::upgrade_room::v3::Request>("upgrade_room")
            .fresh(Fresh::RoomEachCase)
            .json(json!({"new_version": "10"}))
            .stranger("new_version", "nosuch"),
        Endpoint::of::<room::get_summary::v1::Request>("get_summary"),
        Endpoint::of::<room::get_summary::v1::Request>("get_summary_by_alias").at("room_id_or_alias", "{alias}"),
        Endpoint::of::<space::get_hierarchy::v1::Request>("get_hierarchy")
            .at("room_id", "{space}")
            .query("limit", "5")
            .query("max_depth", "1")
            .query("from", "nosuch")
            .query("suggested_only", "false"),
        Endpoint::of::<space::get_hierarchy::v1::Request>("get_hierarchy_from_the_start").at("room_id", "{space}"),
    ]
}

fn directories() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<room::aliases::v3::Request>("get_aliases"),
        Endpoint::of::<alias::create_alias::v3::Request>("create_alias")
            .at("room_alias", "#{case}:conformance.test")
            .json(json!({"room_id": "{room}"}))
            .stranger("room_id", "!nosuchroom:conformance.test"),
        Endpoint::of::<alias::create_alias::v3::Request>("create_alias_that_is_taken")
            .json(json!({"room_id": "{room}"})),
        Endpoint::of::<alias::create_alias::v3::Request>("create_alias_elsewhere")
            .at("room_alias", "#{case}:elsewhere.test")
            .json(json!({"room_id": "{room}"})),
        Endpoint::of::<alias::get_alias::v3::Request>("get_alias"),
        Endpoint::of::<alias::delete_alias::v3::Request>("delete_alias").at("room_alias", "{spare.alias}"),
        Endpoint::of::<directory::get_room_visibility::v3::Request>("get_room_visibility"),
        Endpoint::of::<directory::set_room_visibility::v3::Request>("set_room_visibility")
            .json(json!({"visibility": "private"})),
        Endpoint::of::<directory::get_public_rooms::v3::Request>("get_public_rooms")
            .query("limit", "5")
            .query("since", "nosuch")
            .query("server", "conformance.test"),
        Endpoint::of::<directory::get_public_rooms::v3::Request>("get_public_rooms_from_the_start"),
        Endpoint::of::<directory::get_public_rooms_filtered::v3::Request>("get_public_rooms_filtered").json(json!({
            "limit": 5, "filter": {"generic_search_term": "nosuchname"}, "include_all_networks": false,
        })),
    ]
}

fn states() -> Vec<Endpoint> {
    let send = |name| Endpoint::of::<state::send_state_event::v3::Request>(name).fresh(Fresh::Room);
    let get = Endpoint::of::<state::get_state_event_for_key::v3::Request>;
    vec![
        send("send_state_event").at("event_type", "m.room.topic").json(json!({"topic": "walls"})),
        send("send_state_event_with_a_key")
            .at("event_type", "org.example.thing")
            .at("state_key", "key")
            .json(json!({"is": "so"})),
        send("send_state_event_of_another_user")
            .at("event_type", "org.example.thing")
            .at("state_key", "{bob}")
            .json(json!({"is": "so"})),
        send("send_power_levels").at("event_type", "m.room.power_levels").json(json!({
            "users": {"{alice}": 100}, "users_default": 0, "events": {}, "events_default": 0, "state_default": 50, "ban": 50, "kick": 50,
            "invite": 0, "redact": 50,
        })),
        send("send_join_rules").at("event_type", "m.room.join_rules").json(json!({"join_rule": "public"})),
        send("send_history_visibility")
            .at("event_type", "m.room.history_visibility")
            .json(json!({"history_visibility": "shared"})),
        send("send_canonical_alias")
            .at("event_type", "m.room.canonical_alias")
            .json(json!({"alias": "{alias}", "alt_aliases": []}))
            .stranger("alias", "#nosuchalias:conformance.test"),
        send("send_encryption").at("event_type", "m.room.encryption").json(json!({"algorithm": "m.megolm.v1.aes-sha2"})),
        send("send_create").at("event_type", "m.room.create").json(json!({"room_version": "11"})),
        send("send_membership")
            .fresh(Fresh::RoomEachCase)
            .at("event_type", "m.room.member")
            .at("state_key", "{bob}")
            .json(json!({"membership": "invite", "displayname": "Bob"})),
        send("send_own_membership")
            .at("event_type", "m.room.member")
            .at("state_key", "{alice}")
            .json(json!({"membership": "join", "displayname": "Another"})),
        get("get_state_event_for_key").at("event_type", "m.room.name"),
        get("get_membership").at("event_type", "m.room.member").at("state_key", "{alice}"),
        get("get_create").at("event_type", "m.room.create").query("format", "event"),
        get("get_power_levels").at("event_type", "m.room.power_levels"),
        Endpoint::of::<state::get_state_events::v3::Request>("get_state_events"),
    ]
}
