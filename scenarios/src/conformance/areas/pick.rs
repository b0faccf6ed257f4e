//! What several areas pick out of an answer.

use serde_json::{Value, json};

/// The items of the array at a pointer, each reduced to some fields, in an order that does not depend on the server.
pub(super) fn rows(body: &Value, pointer: &str, fields: &[&str]) -> Value {
    let mut rows: Vec<Value> = body
        .pointer(pointer)
        .and_then(Value::as_array)
        .map(|items| items.iter().map(|item| fields_of(item, fields)).collect())
        .unwrap_or_else(|| vec![body.clone()]);
    rows.sort_by_key(ToString::to_string);
    Value::Array(rows)
}

/// Some fields of an object, `/`-pointers relative to it.
pub(super) fn fields_of(item: &Value, fields: &[&str]) -> Value {
    fields
        .iter()
        .filter_map(|&field| item.pointer(field).map(|value| (field.to_owned(), value.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// Type, state key, sender and content of the events at a pointer.
pub(super) fn events(body: &Value, pointer: &str) -> Value {
    rows(body, pointer, &["/type", "/state_key", "/sender", "/content"])
}

/// The body of an error, or only that it was none.
pub(super) fn outcome(body: &Value) -> Value {
    match body.get("errcode") {
        Some(_) => fields_of(body, &["/errcode", "/error"]),
        None => json!("no error"),
    }
}

/// Who has which membership, from a list of member events at `/chunk`.
pub(super) fn memberships(body: &Value) -> Value {
    rows(
        body,
        "/chunk",
        &["/state_key", "/content/membership", "/content/reason"],
    )
}
