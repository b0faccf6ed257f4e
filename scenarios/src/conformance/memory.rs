//! What a probe has learned so far: tokens, room ids, positions, by name.

use std::collections::BTreeMap;

use serde_json::Value;

/// Values by name; `{name}` in a step stands for the value.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory(BTreeMap<String, String>);

impl Memory {
    pub(super) fn save(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), value.to_owned());
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All names with their values, the longest values first: so that a value which holds another one is recognised whole.
    pub(super) fn longest_first(&self) -> Vec<(&str, &str)> {
        let mut all: Vec<_> = self
            .0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        all.sort_by_key(|(name, value)| (std::cmp::Reverse(value.len()), *name));
        all
    }

    /// A path with its names filled in, each value percent-encoded.
    pub(super) fn fill_path(&self, template: &str) -> Result<String, String> {
        fill(template, |name| self.get(name).map(encode))
    }

    /// A text with its names filled in.
    pub(super) fn fill(&self, template: &str) -> Result<String, String> {
        fill(template, |name| self.get(name).map(str::to_owned))
    }

    /// A JSON value with the names in all its strings and keys filled in.
    pub(super) fn fill_json(&self, template: &Value) -> Result<Value, String> {
        Ok(match template {
            Value::String(text) => Value::String(self.fill(text)?),
            Value::Array(items) => Value::Array(
                items
                    .iter()
                    .map(|item| self.fill_json(item))
                    .collect::<Result<_, _>>()?,
            ),
            Value::Object(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(key, value)| Ok((self.fill(key)?, self.fill_json(value)?)))
                    .collect::<Result<_, String>>()?,
            ),
            other => other.clone(),
        })
    }
}

/// A text with its names as an answer shows them: `<name>` for `{name}`.
pub(super) fn named(template: &str) -> String {
    fill(template, |name| Some(format!("<{name}>"))).unwrap_or_else(|_| template.to_owned())
}

/// Percent-encodes everything but what RFC 3986 calls unreserved.
pub(super) fn encode(value: &str) -> String {
    value.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(byte.into());
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
        out
    })
}

/// Replaces each `{name}`; the error is the name that is not known. A brace that opens no name stays as it is.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        out.push_str(before);
        let name: String = after[1..]
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_'))
            .collect();
        if name.is_empty() || !after[1 + name.len()..].starts_with('}') {
            out.push('{');
            rest = &after[1..];
            continue;
        }
        out.push_str(&value(&name).ok_or_else(|| name.clone())?);
        rest = &after[name.len() + 2..];
    }
    out.push_str(rest);
    Ok(out)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn memory() -> Memory {
        let mut memory = Memory::default();
        memory.save("room", "!a:b");
        memory
    }

    #[test]
    fn names_in_a_path_are_filled_in_and_encoded() {
        assert_eq!(
            memory().fill_path("/rooms/{room}/leave").unwrap(),
            "/rooms/%21a%3Ab/leave"
        );
    }

    #[test]
    fn names_in_keys_and_values_are_filled_in() {
        assert_eq!(
            memory().fill_json(&json!({"{room}": ["{room}", 1]})).unwrap(),
            json!({"!a:b": ["!a:b", 1]})
        );
    }

    #[test]
    fn an_unknown_name_is_named() {
        assert_eq!(memory().fill("{nobody}").unwrap_err(), "nobody");
    }

    #[test]
    fn braces_that_hold_no_name_stay() {
        assert_eq!(memory().fill("{not json").unwrap(), "{not json");
    }
}
