use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What `/ready` answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ready {
    /// The HTTP status: 200 or 503.
    pub status: u16,
    /// The body.
    pub body: Value,
}

/// How one identity is, as `/ready` tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct IdentityState {
    /// `ok`, `healing` or `needs_operator`.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What.
    pub what: String,
    /// What cures it.
    pub cure: String,
}

impl IdentityState {
    /// The first note that holds one of these words.
    pub fn note(&self, words: &[&str]) -> Option<&Note> {
        let holds = |note: &&Note| words.iter().any(|word| note.what.contains(word));
        self.degraded.iter().find(holds)
    }
}

impl Ready {
    /// Whether every identity serves.
    pub fn is_ok(&self) -> bool {
        self.status == 200
    }

    /// An identity (`approver`, `onboarding`), where the answer tells about it: at the top or below `identities`.
    pub fn identity(&self, role: &str) -> Option<IdentityState> {
        let found = [&self.body[role], &self.body["identities"][role]];
        let found = found.into_iter().find(|value| value.is_object())?;
        let text = |key: &str| found[key].as_str().map(str::to_owned);
        let degraded = found["degraded"].as_array().cloned().unwrap_or_default();
        Some(IdentityState {
            state: text("state")?,
            why: text("why").unwrap_or_default(),
            next_step: text("next_step"),
            user_id: text("user_id"),
            device_id: text("device_id"),
            degraded: degraded.iter().map(note).collect(),
        })
    }

    /// What it says, in one line.
    pub fn line(&self) -> String {
        format!("HTTP {} {}", self.status, self.body)
    }
}

/// A note of a bot that writes plain texts says no cure.
fn note(value: &Value) -> Note {
    let text = |key: &str| value[key].as_str().unwrap_or_default().to_owned();
    Note {
        what: value.as_str().map_or_else(|| text("what"), str::to_owned),
        cure: text("cure"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_identity_is_found_at_the_top_and_below_identities() {
        let approver = json!({"state": "needs_operator", "why": "no password", "next_step": "write it"});
        for body in [
            json!({"approver": approver}),
            json!({"identities": {"approver": approver}}),
        ] {
            let ready = Ready { status: 503, body };
            let identity = ready.identity("approver").unwrap();
            assert_eq!(identity.state, "needs_operator");
            assert_eq!(identity.next_step.as_deref(), Some("write it"));
            assert_eq!(ready.identity("onboarding"), None);
        }
    }
}
