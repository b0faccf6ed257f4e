use serde_json::{Value, json};

use super::pick::fields_of;
use crate::conformance::step::{Step, first_sync, get, login, put, register, sync};

pub(super) fn steps() -> Vec<Step> {
    let send = |name, txn: &str, device: &str, text: &str| {
        put(
            name,
            &format!("/v3/sendToDevice/org.example.note/{txn}"),
            json!({"messages": {"@dan:conformance.test": {(device): {"text": text}}}}),
        )
        .by("dee")
    };
    vec![
        register("the_sender_registers", "dee"),
        register("the_receiver_registers", "dan"),
        login("the_receivers_device_logs_in", "dan", Some("DAN1"), "dan1"),
        login("the_receivers_other_device_logs_in", "dan", Some("DAN2"), "dan2"),
        first_sync("the_device_syncs", "dan1").only(&["/errcode"]),
        first_sync("the_other_device_syncs", "dan2").only(&["/errcode"]),
        send("a_message_to_one_device_is_sent", "t1", "DAN1", "one"),
        sync("the_device_gets_it", "dan1", &["/to_device/events"]).pick(notes),
        get("the_other_device_does_not", "/v3/sync?timeout=0&since={dan2.since}")
            .by("dan2")
            .pick(notes),
        send("the_same_transaction_is_sent_again", "t1", "DAN1", "one"),
        get("it_does_not_arrive_twice", "/v3/sync?timeout=0&since={dan1.since}")
            .by("dan1")
            .pick(notes),
        send("a_message_to_all_devices_is_sent", "t2", "*", "all"),
        sync("the_device_gets_it_too", "dan1", &["/to_device/events"]).pick(notes),
        sync("the_other_device_gets_it_too", "dan2", &["/to_device/events"]).pick(notes),
        get(
            "an_old_position_shows_what_was_not_confirmed",
            "/v3/sync?timeout=0&since={dan2.since}",
        )
        .by("dan2")
        .pick(notes),
        send("a_message_to_a_device_that_logs_in_again_is_sent", "t3", "DAN1", "kept"),
        login("the_device_logs_in_again", "dan", Some("DAN1"), "dan1"),
        sync("the_message_waited_for_the_new_token", "dan1", &["/to_device/events"]).pick(notes),
        send("a_message_to_an_unknown_device_is_taken", "t4", "NOSUCH", "lost"),
    ]
}

fn notes(body: &Value) -> Value {
    let events = body.pointer("/to_device/events").and_then(Value::as_array);
    events
        .into_iter()
        .flatten()
        .map(|event| fields_of(event, &["/type", "/sender", "/content/text"]))
        .collect::<Vec<_>>()
        .into()
}
