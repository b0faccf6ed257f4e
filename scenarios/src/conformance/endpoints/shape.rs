//! The shape of an answer: keys and types, without what differs by chance.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

/// Keys whose text is told: clients decide by it.
const KEPT: &[&str] = &[
    "errcode",
    "type",
    "membership",
    "stages",
    "rel_type",
    "presence",
    "algorithm",
];

/// The shape of a body; `devices` are the ids that count as devices where they are keys.
pub(super) fn shape(body: &Value, devices: &BTreeSet<&str>) -> Value {
    of("", body, devices)
}

fn of(key: &str, value: &Value, devices: &BTreeSet<&str>) -> Value {
    match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("boolean"),
        Value::Number(_) => json!("number"),
        Value::String(text) if KEPT.contains(&key) => json!(text),
        Value::String(_) => json!("string"),
        Value::Array(items) => Value::Array(distinct(items.iter().map(|item| of(key, item, devices)))),
        Value::Object(fields) => object(fields, devices),
    }
}

/// What stands under ids is one field: of one shape, or of several.
fn object(fields: &Map<String, Value>, devices: &BTreeSet<&str>) -> Value {
    let mut shapes: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (key, value) in fields {
        let name = without_ids(key, devices);
        // The rules have an endpoint of their own, where they are compared.
        let rules = key == "content" && fields.get("type").is_some_and(|kind| kind == "m.push_rules");
        let shape = if rules {
            json!("push rules")
        } else {
            of(key, value, devices)
        };
        shapes.entry(name).or_default().push(shape);
    }
    let merged = shapes.into_iter().map(|(key, shapes)| {
        let mut shapes = distinct(shapes.into_iter());
        let one = if shapes.len() == 1 {
            shapes.remove(0)
        } else {
            json!({ "one of": shapes })
        };
        (key, one)
    });
    Value::Object(merged.collect())
}

/// Each shape once, in an order that does not hang on the answer's.
fn distinct(shapes: impl Iterator<Item = Value>) -> Vec<Value> {
    let by_text: BTreeMap<String, Value> = shapes.map(|shape| (shape.to_string(), shape)).collect();
    by_text.into_values().collect()
}

/// A key with a word for what is an id in it.
fn without_ids(key: &str, devices: &BTreeSet<&str>) -> String {
    if devices.contains(key) {
        return "<device>".to_owned();
    }
    match key.split_once(':') {
        Some((algorithm @ ("ed25519" | "curve25519" | "signed_curve25519"), _)) => format!("{algorithm}:<id>"),
        _ => match key.as_bytes().first() {
            Some(b'@') if key.len() > 1 => "<user>".to_owned(),
            Some(b'!') => "<room>".to_owned(),
            Some(b'$') => "<event>".to_owned(),
            Some(b'#') => "<alias>".to_owned(),
            _ => key.to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_by_chance_does_not_show_and_what_clients_decide_by_does() {
        let body = json!({
            "errcode": "M_FORBIDDEN", "error": "for people", "retry_after_ms": 12, "soft_logout": false,
            "joined": {"@a:b": {"display_name": null}, "@c:b": {"display_name": null}},
            "chunk": [{"type": "m.a", "event_id": "$1"}, {"type": "m.a", "event_id": "$2"}, {"type": "m.b", "event_id": "$3"}],
        });
        assert_eq!(
            shape(&body, &BTreeSet::new()),
            json!({
                "chunk": [{"event_id": "string", "type": "m.a"}, {"event_id": "string", "type": "m.b"}],
                "errcode": "M_FORBIDDEN", "error": "string", "joined": {"<user>": {"display_name": "null"}}, "retry_after_ms": "number",
                "soft_logout": "boolean",
            })
        );
    }

    #[test]
    fn what_stands_under_ids_may_have_several_shapes() {
        let body = json!({"DEVICE": 1, "OTHER": "a", "ed25519:DEVICE": "b"});
        let devices = BTreeSet::from(["DEVICE", "OTHER"]);
        assert_eq!(
            shape(&body, &devices),
            json!({"<device>": {"one of": ["number", "string"]}, "ed25519:<id>": "string"})
        );
    }
}
