use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::contract::{Pointer, Status};

/// What the bot says of itself, read as its contract says.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// Whether it serves.
    pub serves: bool,
    /// The HTTP status with which it said so; 200 or 503 where it has no HTTP side.
    pub status: u16,
    /// The body.
    pub body: Value,
    /// How each of its identities is, by name; none where it does not say.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identities: BTreeMap<String, IdentityState>,
}

/// Whether an identity serves.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Condition {
    /// It serves.
    Serves,
    /// It waits for its operator.
    NeedsOperator,
    /// It does neither: it starts, or heals.
    #[default]
    Busy,
}

/// How one identity is, as the bot tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityState {
    /// Whether it serves.
    pub condition: Condition,
    /// The bot's own word for that.
    pub state: String,
    /// Why, in one line.
    pub why: String,
    /// What the operator should do next.
    pub next_step: Option<String>,
    /// The user, once known.
    pub user_id: Option<String>,
    /// The device, once known.
    pub device_id: Option<String>,
    /// What is weaker than it should be.
    pub degraded: Vec<Note>,
}

/// Something that is weaker than it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// What.
    pub what: String,
    /// What cures it.
    pub cure: String,
}

impl Note {
    /// Reads one. That of a bot that writes plain texts says no cure; an object of which the contract says nothing is shown as it is.
    fn read(status: &Status, value: &Value, name: &str) -> Self {
        let at = |pointer: &Option<Pointer>| {
            let found = pointer.as_ref()?.find(value, name)?;
            found.as_str().map(str::to_owned)
        };
        let whole = || value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Self {
            what: at(&status.degraded_what).unwrap_or_else(whole),
            cure: at(&status.degraded_cure).unwrap_or_default(),
        }
    }
}

impl IdentityState {
    /// Reads how an identity is, where the body tells about it.
    fn read(status: &Status, body: &Value, name: &str) -> Option<Self> {
        let state = status.state.find(body, name)?.as_str()?.to_owned();
        let text = |pointer: &Option<Pointer>| {
            let found = pointer.as_ref()?.find(body, name)?;
            found.as_str().map(str::to_owned)
        };
        let condition = match &state {
            word if *word == status.serves => Condition::Serves,
            word if status.needs_operator.as_ref() == Some(word) => Condition::NeedsOperator,
            _ => Condition::Busy,
        };
        let degraded = status
            .degraded
            .as_ref()
            .and_then(|pointer| pointer.find(body, name)?.as_array());
        Some(Self {
            condition,
            why: text(&status.why).unwrap_or_default(),
            next_step: text(&status.next_step),
            user_id: text(&status.user_id),
            device_id: text(&status.device_id),
            degraded: degraded
                .into_iter()
                .flatten()
                .map(|value| Note::read(status, value, name))
                .collect(),
            state,
        })
    }

    /// The first note that holds one of these words.
    pub fn note(&self, words: &[&str]) -> Option<&Note> {
        let holds = |note: &&Note| words.iter().any(|word| note.what.contains(word));
        self.degraded.iter().find(holds)
    }

    /// Whether it serves.
    pub fn serves(&self) -> bool {
        self.condition == Condition::Serves
    }
}

impl Ready {
    /// Reads how these identities are.
    pub(super) fn read(serves: bool, status: u16, body: Value, told: Option<&Status>, names: &[String]) -> Self {
        let identities = told.map_or_else(BTreeMap::new, |told| {
            let each = names
                .iter()
                .filter_map(|name| Some((name.clone(), IdentityState::read(told, &body, name)?)));
            each.collect()
        });
        Self {
            serves,
            status,
            body,
            identities,
        }
    }

    /// Whether every identity serves.
    pub fn is_ok(&self) -> bool {
        self.serves
    }

    /// An identity by its name in the contract, where the bot tells about it.
    pub fn identity(&self, name: &str) -> Option<&IdentityState> {
        self.identities.get(name)
    }

    /// What it says, in one line.
    pub fn line(&self) -> String {
        format!("HTTP {} {}", self.status, self.body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status(state: &str) -> Status {
        let text = format!(
            "http = \"/how\"\nstate = \"{state}\"\nserves = \"up\"\nneeds_operator = \"stuck\"\nnext_step = \"/do\"\n\
             degraded = \"/weak\"\ndegraded_what = \"/is/wrong\"\ndegraded_cure = \"/do\""
        );
        toml::from_str(&text).unwrap()
    }

    #[test]
    fn an_identity_is_read_from_where_the_contract_says() {
        let body = json!({ "who": { "a": "stuck", "b": "up" }, "do": "write it", "weak": ["slow", { "is": { "wrong": "w" }, "do": "c" }, { "what": "x" }] });
        let names = ["a", "b", "c"].map(str::to_owned);
        let ready = Ready::read(false, 503, body, Some(&status("/who/{identity}")), &names);
        let a = ready.identity("a").unwrap();
        assert_eq!((a.condition, a.state.as_str()), (Condition::NeedsOperator, "stuck"));
        assert_eq!(a.next_step.as_deref(), Some("write it"));
        assert_eq!(a.note(&["slow"]).unwrap().cure, "");
        assert_eq!(a.note(&["slow", "w"]).unwrap().what, "slow");
        assert_eq!((a.degraded[1].what.as_str(), a.degraded[1].cure.as_str()), ("w", "c"));
        assert_eq!(a.degraded[2].what, r#"{"what":"x"}"#);
        assert!(ready.identity("b").unwrap().serves());
        assert_eq!(ready.identity("c"), None);
    }

    #[test]
    fn a_bot_that_does_not_say_how_it_is_has_no_identities() {
        let ready = Ready::read(true, 200, Value::Null, None, &["a".to_owned()]);
        assert!(ready.is_ok() && ready.identities.is_empty());
    }
}
