use serde_json::{Value, json};

use crate::conformance::step::{Step, get, login, post, put, register};

pub(super) fn steps() -> Vec<Step> {
    let say = |name, txn: &str, body: &str| {
        put(
            name,
            &format!("/v3/rooms/{{room}}/send/m.room.message/{txn}"),
            json!({"msgtype": "m.text", "body": body}),
        )
    };
    vec![
        register("the_user_registers", "tina"),
        login("the_device_logs_in", "tina", Some("TXN"), "device"),
        post(
            "a_room_is_made",
            "/v3/createRoom",
            json!({"preset": "private_chat", "room_version": "11"}),
        )
        .by("tina")
        .save("room", "/room_id")
        .only(&["/errcode"]),
        say("a_message_is_sent", "one", "first")
            .by("device")
            .save("first", "/event_id"),
        say("the_same_transaction_gives_the_same_event", "one", "first").by("device"),
        say(
            "the_same_transaction_with_another_text_gives_the_same_event",
            "one",
            "other",
        )
        .by("device"),
        login("the_device_logs_in_again", "tina", Some("TXN"), "relogged"),
        say("the_transaction_survives_a_login_on_the_same_device", "one", "first").by("relogged"),
        say("another_device_has_transactions_of_its_own", "one", "from elsewhere")
            .by("tina")
            .pick(|body| json!(body["event_id"] == "<first>")),
        say("another_transaction_gives_another_event", "two", "second")
            .by("relogged")
            .pick(|body| json!(body["event_id"] == "<first>")),
        get(
            "each_message_is_in_the_room_once",
            "/v3/rooms/{room}/messages?dir=b&limit=20",
        )
        .by("tina")
        .pick(bodies),
        get("the_sender_sees_the_transaction_id", "/v3/rooms/{room}/event/{first}")
            .by("relogged")
            .only(&["/unsigned/transaction_id"])
            .decided_by("shows_transactions"),
        get("others_do_not_see_the_transaction_id", "/v3/rooms/{room}/event/{first}")
            .by("tina")
            .only(&["/unsigned/transaction_id"])
            .decided_by("shows_transactions"),
    ]
}

fn bodies(body: &Value) -> Value {
    let events = body["chunk"].as_array();
    events
        .into_iter()
        .flatten()
        .filter(|event| event["type"] == "m.room.message")
        .map(|event| event["content"]["body"].clone())
        .collect::<Vec<_>>()
        .into()
}
