//! What is said in rooms, what is found of it, and what is told of who is there.

use ruma::api::client::{
    context, message, peeking, read_marker, receipt, redact, relations, room, search, threads, to_device, typing,
};
use serde_json::json;

use super::super::endpoint::{Endpoint, Fresh};

pub(super) fn endpoints() -> Vec<Endpoint> {
    [reading(), relating(), searching(), sending(), telling()].concat()
}

fn reading() -> Vec<Endpoint> {
    let filter = r#"{"types":["m.room.message"]}"#;
    vec![
        Endpoint::of::<room::get_room_event::v3::Request>("get_room_event"),
        Endpoint::of::<context::get_context::v3::Request>("get_context")
            .query("limit", "3")
            .query("filter", filter),
        Endpoint::of::<message::get_message_events::v3::Request>("get_message_events")
            .query("dir", "b")
            .query("limit", "5")
            .query("from", "{position}")
            .query("filter", filter),
        Endpoint::of::<message::get_message_events::v3::Request>("get_message_events_forward")
            .query("dir", "f")
            .query("limit", "50"),
        Endpoint::of::<message::get_message_events::v3::Request>("get_all_message_events")
            .query("dir", "b")
            .query("limit", "100"),
        Endpoint::of::<room::get_event_by_timestamp::v1::Request>("get_event_by_timestamp")
            .query("ts", "0")
            .query("dir", "f"),
        Endpoint::of::<peeking::get_current_state::v3::Request>("initial_sync"),
        Endpoint::of::<peeking::listen_to_new_events::v3::Request>("listen_to_new_events")
            .query("room_id", "{room}")
            .query("timeout", "0")
            .query("from", "{position}"),
    ]
}

fn relating() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<relations::get_relating_events::v1::Request>("get_relating_events")
            .query("dir", "b")
            .query("limit", "5")
            .query("from", "{position}")
            .query("recurse", "true"),
        Endpoint::of::<relations::get_relating_events_with_rel_type::v1::Request>("get_relating_events_with_rel_type")
            .at("rel_type", "m.thread"),
        Endpoint::of::<relations::get_relating_events_with_rel_type_and_event_type::v1::Request>(
            "get_relating_events_with_rel_type_and_event_type",
        )
        .at("rel_type", "m.annotation")
        .at("event_type", "m.reaction"),
        Endpoint::of::<threads::get_threads::v1::Request>("get_threads")
            .query("include", "all")
            .query("limit", "5")
            .query("from", "{position}"),
        Endpoint::of::<threads::get_threads::v1::Request>("get_threads_from_the_start"),
    ]
}

fn searching() -> Vec<Endpoint> {
    let events = |criteria| json!({"search_categories": {"room_events": criteria}});
    let search = Endpoint::of::<search::search_events::v3::Request>;
    vec![
        search("search_events").query("next_batch", "nosuch").json(events(json!({"search_term": "hello"}))),
        search("search_events_from_the_start").json(events(json!({"search_term": "hello"}))),
        search("search_events_with_context").json(events(json!({
            "search_term": "hello", "order_by": "recent", "event_context": {"before_limit": 1, "after_limit": 1, "include_profile": true},
            "include_state": true, "filter": {"rooms": ["{room}"], "limit": 2},
        }))),
        search("search_events_by_room").json(events(json!({
            "search_term": "hello", "groupings": {"group_by": [{"key": "room_id"}]},
        }))),
        search("search_events_in_a_foreign_room").json(events(json!({
            "search_term": "hello", "filter": {"rooms": ["!nosuchroom:conformance.test"]},
        }))),
        search("search_events_without_a_term").json(events(json!({"order_by": "recent"}))),
        search("search_nothing_that_is_there").json(events(json!({"search_term": "nobodysaidthat"}))),
    ]
}

fn sending() -> Vec<Endpoint> {
    let send = |name| Endpoint::of::<message::send_message_event::v3::Request>(name).fresh(Fresh::Room);
    vec![
        send("send_message_event").json(json!({"msgtype": "m.text", "body": "hello"})),
        send("send_reaction")
            .at("event_type", "m.reaction")
            .json(json!({"m.relates_to": {"rel_type": "m.annotation", "event_id": "{event}", "key": "x"}})),
        send("send_encrypted").at("event_type", "m.room.encrypted").json(json!({
            "algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "AAAA", "session_id": "nosuch", "sender_key": "nosuch", "device_id": "NOSUCH",
        })),
        send("send_a_fraction").at("event_type", "org.example.number").json(json!({"number": 1.5})),
        send("send_a_number_out_of_range").at("event_type", "org.example.number").json(json!({"number": 9007199254740993_i64})),
        send("send_redaction_as_a_message").at("event_type", "m.room.redaction").json(json!({"redacts": "{event}"})),
        Endpoint::of::<redact::redact_event::v3::Request>("redact_event")
            .fresh(Fresh::Room)
            .json(json!({"reason": "so"})),
        Endpoint::of::<to_device::send_event_to_device::v3::Request>("send_event_to_device")
            .at("event_type", "org.example.hint")
            .json(json!({"messages": {"{bob}": {"{bob.device}": {"is": "so"}}}})),
        Endpoint::of::<to_device::send_event_to_device::v3::Request>("send_event_to_all_devices")
            .at("event_type", "org.example.hint")
            .json(json!({"messages": {"{bob}": {"*": {"is": "so"}}}})),
    ]
}

fn telling() -> Vec<Endpoint> {
    vec![
        Endpoint::of::<typing::create_typing_event::v3::Request>("create_typing_event")
            .json(json!({"typing": true, "timeout": 1000})),
        Endpoint::of::<receipt::create_receipt::v3::Request>("create_receipt").json(json!({"thread_id": "main"})),
        Endpoint::of::<receipt::create_receipt::v3::Request>("create_receipt_without_a_thread").json(json!({})),
        Endpoint::of::<receipt::create_receipt::v3::Request>("create_private_receipt")
            .at("receipt_type", "m.read.private")
            .json(json!({})),
        Endpoint::of::<read_marker::set_read_marker::v3::Request>("set_read_marker")
            .json(json!({"m.fully_read": "{event}", "m.read": "{event}", "m.read.private": "{event}"}))
            .stranger("m.fully_read", "$nosucheventnosucheventnosucheventnosuchevent"),
        Endpoint::of::<room::report_content::v3::Request>("report_content")
            .json(json!({"reason": "so", "score": -100})),
        Endpoint::of::<room::report_room::v3::Request>("report_room").json(json!({"reason": "so"})),
    ]
}
