//! What a bot says of itself.

use schemars::JsonSchema;
use serde::Deserialize;

/// A path of the bot's HTTP side: begins with a slash.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct HttpPath(String);

/// A JSON pointer (RFC 6901), in which `{identity}` stands for the name of the identity asked about.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(try_from = "String")]
pub struct Pointer(String);

/// A text without the slash that it must begin with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} does not begin with a slash")]
pub struct NoSlash {
    text: String,
}

fn with_slash(text: String) -> Result<String, NoSlash> {
    match text.starts_with('/') {
        true => Ok(text),
        false => Err(NoSlash { text }),
    }
}

impl TryFrom<String> for HttpPath {
    type Error = NoSlash;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        with_slash(text).map(Self)
    }
}

impl TryFrom<String> for Pointer {
    type Error = NoSlash;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        with_slash(text).map(Self)
    }
}

impl HttpPath {
    /// The path.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Pointer {
    /// What it leads to for an identity.
    pub fn find<'b>(&self, body: &'b serde_json::Value, identity: &str) -> Option<&'b serde_json::Value> {
        body.pointer(&self.0.replace("{identity}", identity))
    }
}

/// Where the bot says in JSON how each of its identities is.
///
/// Whoever has a field for a thing names where it is; what is not named is not judged.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Status {
    /// Where it is asked for.
    pub http: HttpPath,
    /// One word for how the identity is.
    pub state: Pointer,
    /// The word for: it serves.
    pub serves: String,
    /// The word for: it needs its operator.
    pub needs_operator: Option<String>,
    /// Why it is so, in one line.
    pub why: Option<Pointer>,
    /// What the operator should do next.
    pub next_step: Option<Pointer>,
    /// The user id that it acts as.
    pub user_id: Option<Pointer>,
    /// The device that it acts on.
    pub device_id: Option<Pointer>,
    /// What is weaker than it should be: a list of texts, or of objects.
    pub degraded: Option<Pointer>,
    /// In such an object: what is weaker.
    pub degraded_what: Option<Pointer>,
    /// In such an object: what cures it.
    pub degraded_cure: Option<Pointer>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pointer_leads_to_the_identity_asked_about() {
        let pointer = Pointer::try_from("/who/{identity}/state".to_owned()).unwrap();
        let body = json!({ "who": { "a": { "state": "ok" } } });
        assert_eq!(pointer.find(&body, "a"), Some(&json!("ok")));
        assert_eq!(pointer.find(&body, "b"), None);
    }

    #[test]
    fn a_pointer_without_a_slash_is_refused() {
        assert!(Pointer::try_from("state".to_owned()).is_err());
    }
}
