use std::fmt;

use serde_json::Value;

/// What is changed in an answer. Made by [`Rewrite::new`], with one call for each change.
///
/// ```
/// use knockproof_harness::front_door::{Action, Rewrite};
///
/// let action = Action::Rewrite(Rewrite::new().status(500).set("/errcode", "M_UNKNOWN".into()));
/// assert_eq!(action.to_string(), "reply rewritten: status 500, /errcode set");
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rewrite {
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(String, Option<String>)>,
    pub(super) body: Vec<Edit>,
}

/// One change of a body.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Edit {
    Text(String),
    Set(String, Value),
    Remove(String),
}

impl Rewrite {
    /// Nothing changed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Another status.
    #[must_use]
    pub fn status(mut self, status: u16) -> Self {
        self.status = Some(status);
        self
    }

    /// A header added or replaced.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), Some(value.to_owned())));
        self
    }

    /// Without a header.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.headers.push((name.to_owned(), None));
        self
    }

    /// Another body.
    #[must_use]
    pub fn text(mut self, body: &str) -> Self {
        self.body.push(Edit::Text(body.to_owned()));
        self
    }

    /// In a JSON body, another value where a pointer (RFC 6901) points; the last key of it may be new.
    #[must_use]
    pub fn set(mut self, pointer: &str, value: Value) -> Self {
        self.body.push(Edit::Set(pointer.to_owned(), value));
        self
    }

    /// In a JSON body, nothing any more where a pointer points.
    #[must_use]
    pub fn remove(mut self, pointer: &str) -> Self {
        self.body.push(Edit::Remove(pointer.to_owned()));
        self
    }

    /// What it makes of a body; `None` where it has nothing to change in it.
    pub(super) fn edited(&self, body: &[u8]) -> Option<Vec<u8>> {
        let mut edited: Option<Vec<u8>> = None;
        for edit in &self.body {
            let now = edited.as_deref().unwrap_or(body);
            let next = match edit {
                Edit::Text(text) => Some(text.clone().into_bytes()),
                Edit::Set(pointer, value) => in_json(now, pointer, |parent, key| set(parent, key, value.clone())),
                Edit::Remove(pointer) => in_json(now, pointer, remove),
            };
            edited = next.filter(|next| next != now).or(edited);
        }
        edited
    }
}

/// Changes what is below the parent of a pointer.
fn in_json(body: &[u8], pointer: &str, change: impl FnOnce(&mut Value, &str) -> bool) -> Option<Vec<u8>> {
    let mut json: Value = serde_json::from_slice(body).ok()?;
    let (parent, key) = pointer.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    let changed = change(json.pointer_mut(parent)?, &key);
    changed.then(|| json.to_string().into_bytes())
}

fn set(parent: &mut Value, key: &str, value: Value) -> bool {
    match parent {
        Value::Object(entries) => entries.insert(key.to_owned(), value.clone()) != Some(value),
        Value::Array(items) => match key.parse::<usize>().ok().and_then(|place| items.get_mut(place)) {
            Some(item) => std::mem::replace(item, value.clone()) != value,
            None => false,
        },
        _ => false,
    }
}

fn remove(parent: &mut Value, key: &str) -> bool {
    match parent {
        Value::Object(entries) => entries.remove(key).is_some(),
        Value::Array(items) => match key.parse::<usize>() {
            Ok(place) if place < items.len() => {
                items.remove(place);
                true
            }
            _ => false,
        },
        _ => false,
    }
}

impl fmt::Display for Rewrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let status = self.status.map(|status| format!("status {status}"));
        let headers = self.headers.iter().map(|(name, value)| match value {
            Some(_) => format!("header {name} set"),
            None => format!("header {name} removed"),
        });
        let body = self.body.iter().map(|edit| match edit {
            Edit::Text(_) => "another body".to_owned(),
            Edit::Set(pointer, _) => format!("{pointer} set"),
            Edit::Remove(pointer) => format!("{pointer} removed"),
        });
        let all: Vec<String> = status.into_iter().chain(headers).chain(body).collect();
        f.write_str(&all.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;
    use serde_json::json;

    #[rstest]
    #[case::replaced(Rewrite::new().set("/a", json!(2)), Some(json!({"a": 2, "b": [{"c": 1}]})))]
    #[case::added(Rewrite::new().set("/new", json!(2)), Some(json!({"a": 1, "b": [{"c": 1}], "new": 2})))]
    #[case::deep(Rewrite::new().set("/b/0/c", json!("x")), Some(json!({"a": 1, "b": [{"c": "x"}]})))]
    #[case::removed(Rewrite::new().remove("/b/0"), Some(json!({"a": 1, "b": []})))]
    #[case::twice(Rewrite::new().remove("/b").set("/a", json!(3)), Some(json!({"a": 3})))]
    #[case::the_same(Rewrite::new().set("/a", json!(1)), None)]
    #[case::nothing_there(Rewrite::new().remove("/x/y"), None)]
    fn json_is_edited(#[case] rewrite: Rewrite, #[case] edited: Option<Value>) {
        let body = json!({"a": 1, "b": [{"c": 1}]}).to_string();
        let found = rewrite.edited(body.as_bytes());
        let found = found.map(|found| serde_json::from_slice::<Value>(&found).unwrap());
        assert_eq!(found, edited);
    }

    #[test]
    fn what_is_no_json_is_left_alone() {
        assert_eq!(Rewrite::new().set("/a", json!(1)).edited(b"<html>"), None);
        assert_eq!(Rewrite::new().text("x").edited(b"<html>").as_deref(), Some(&b"x"[..]));
    }
}
