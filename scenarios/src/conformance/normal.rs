//! Makes answers of different runs and servers comparable: what differs by chance becomes a name.

use serde_json::{Map, Value};

use super::memory::Memory;

/// Keys whose value is a moment or an age.
const TIMES: &[&str] = &[
    "origin_server_ts",
    "age",
    "age_ts",
    "last_seen_ts",
    "ts",
    "expires_ts",
    "retry_after_ms",
];
/// Keys whose value is chosen by the server and says nothing by itself.
const OPAQUE: &[&str] = &[
    "access_token",
    "refresh_token",
    "session",
    "next_batch",
    "prev_batch",
    "start",
    "end",
    "from",
    "to",
    "etag",
    "last_seen_ip",
    "filter_id",
    "version_id",
    "content_uri",
    "user_agent",
    "last_seen_user_agent",
];

/// The body with saved values, event ids, times and opaque values replaced by their names, and all keys in order.
pub(super) fn normal(body: &Value, memory: &Memory) -> Value {
    match body {
        Value::Object(fields) => Value::Object(ordered(fields, memory)),
        Value::Array(items) => Value::Array(items.iter().map(|item| normal(item, memory)).collect()),
        Value::String(text) => Value::String(normal_text(text, memory)),
        other => other.clone(),
    }
}

/// A text with saved values and ids replaced by their names.
fn normal_text(text: &str, memory: &Memory) -> String {
    let mut out = text.to_owned();
    for (name, value) in memory.longest_first() {
        if value.len() >= 3 && out.contains(value) {
            out = out.replace(value, &format!("<{name}>"));
        }
    }
    replace_ids(&out)
}

fn ordered(fields: &Map<String, Value>, memory: &Memory) -> Map<String, Value> {
    let mut entries: Vec<(String, Value)> = fields
        .iter()
        .map(|(key, value)| (normal_text(key, memory), normal_field(key, value, memory)))
        .collect();
    entries.sort_by(|a, b| a.0.cmp(&b.0));
    entries.into_iter().collect()
}

fn normal_field(key: &str, value: &Value, memory: &Memory) -> Value {
    if TIMES.contains(&key) && value.is_number() {
        return Value::String("<time>".to_owned());
    }
    if OPAQUE.contains(&key) && (value.is_string() || value.is_number()) {
        return Value::String(format!("<{key}>"));
    }
    normal(value, memory)
}

/// Replaces event and room ids that no step saved: a sigil and what follows it, of at least eight characters.
fn replace_ids(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['$', '!']) {
        let (before, id) = rest.split_at(at);
        out.push_str(before);
        let length = 1 + id[1..]
            .bytes()
            .take_while(|b| b.is_ascii_alphanumeric() || b"-_:.+/".contains(b))
            .count();
        let word = &id[..length];
        if length >= 9 {
            out.push_str(if word.starts_with('$') { "<event>" } else { "<room>" });
        } else {
            out.push_str(word);
        }
        rest = &id[length..];
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_differs_by_chance_becomes_a_name() {
        let mut memory = Memory::default();
        memory.save("room", "!abcdefghijk:hs");
        let body = json!({
            "event_id": "$pV0x01IDZPAHwmD4lcNxtVxZOx37VattMACeZoQxQlk", "origin_server_ts": 17, "room_id": "!abcdefghijk:hs",
            "other": "!lXIKcjKl4ZTkc4Ce8T:hs", "access_token": "x", "body": "hi!",
        });
        assert_eq!(
            normal(&body, &memory),
            json!({
                "access_token": "<access_token>", "body": "hi!", "event_id": "<event>", "origin_server_ts": "<time>", "other": "<room>",
                "room_id": "<room>",
            })
        );
    }

    #[test]
    fn the_kind_of_a_value_is_kept() {
        let body = json!({"origin_server_ts": "not a number", "session": null});
        assert_eq!(normal(&body, &Memory::default()), body);
    }
}
