//! Texts with places to be filled in.

use std::{borrow::Cow, collections::BTreeSet, fmt};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

/// What a template can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Variable {
    /// The homeserver's base URL, as the bot is to use it, without a slash at its end.
    Homeserver,
    /// The homeserver's base URL, as people use it, without a slash at its end.
    PublicHomeserver,
    /// The token that registrations need.
    RegistrationToken,
    /// The homeserver's name: what stands behind the colon of a user id.
    ServerName,
    /// The user id of the identity.
    UserId,
    /// The localpart of the identity.
    Localpart,
    /// An access token of the identity.
    Token,
    /// The device that the token is of.
    DeviceId,
    /// The password of the identity.
    Password,
    /// The path of the file with the password.
    PasswordFile,
    /// The path of the data directory.
    Data,
    /// The number of the TCP port that the bot is to listen on.
    Port,
    /// The id of a room without encryption that the bot and people are in.
    Room,
    /// The id of a room with encryption that the bot and people are in.
    EncryptedRoom,
    /// The user id of the person who has made the rooms: the bot's operator.
    Owner,
}

impl Variable {
    /// All of them, in the order in which they are listed to people.
    pub const ALL: [Self; 15] = [
        Self::Homeserver,
        Self::PublicHomeserver,
        Self::RegistrationToken,
        Self::ServerName,
        Self::UserId,
        Self::Localpart,
        Self::Token,
        Self::DeviceId,
        Self::Password,
        Self::PasswordFile,
        Self::Data,
        Self::Port,
        Self::Room,
        Self::EncryptedRoom,
        Self::Owner,
    ];

    /// The name that stands between braces.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Homeserver => "homeserver",
            Self::PublicHomeserver => "public_homeserver",
            Self::RegistrationToken => "registration_token",
            Self::ServerName => "server_name",
            Self::UserId => "user_id",
            Self::Localpart => "localpart",
            Self::Token => "token",
            Self::DeviceId => "device_id",
            Self::Password => "password",
            Self::PasswordFile => "password_file",
            Self::Data => "data",
            Self::Port => "port",
            Self::Room => "room",
            Self::EncryptedRoom => "encrypted_room",
            Self::Owner => "owner",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|variable| variable.name() == name)
    }
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}}}", self.name())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Variable),
}

/// A text with places like `{token}`. Braces around anything but a lower-case word are only braces; `{{word}}` stands for `{word}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Template {
    parts: Vec<Part>,
}

/// A place that nothing fills.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {{{name}}}; there are {}", Variable::ALL.map(|variable| variable.to_string()).join(", "))]
pub struct UnknownVariable {
    name: String,
}

impl JsonSchema for Template {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let places = Variable::ALL.map(|variable| variable.to_string()).join(", ");
        json_schema!({ "description": format!("A text with places: {places}. {{{{word}}}} stands for {{word}}."), "type": "string" })
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// When it has a place that nothing fills.
    pub fn parse(text: &str) -> Result<Self, UnknownVariable> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            plain.push_str(&rest[..start]);
            let behind = &rest[start..];
            if let Some(word) = word_in(behind, "{{", "}}") {
                plain.push_str(&format!("{{{word}}}"));
                rest = &behind[word.len() + 4..];
            } else if let Some(word) = word_in(behind, "{", "}") {
                let variable = Variable::named(word).ok_or_else(|| UnknownVariable { name: word.to_owned() })?;
                if !plain.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut plain)));
                }
                parts.push(Part::Value(variable));
                rest = &behind[word.len() + 2..];
            } else {
                plain.push('{');
                rest = &behind[1..];
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() {
            parts.push(Part::Text(plain));
        }
        Ok(Self { parts })
    }

    /// This text, with no place in it.
    pub fn literal(text: impl Into<String>) -> Self {
        Self {
            parts: vec![Part::Text(text.into())],
        }
    }

    /// What it asks for.
    pub fn variables(&self) -> BTreeSet<Variable> {
        let value = |part: &Part| match part {
            Part::Text(_) => None,
            Part::Value(variable) => Some(*variable),
        };
        self.parts.iter().filter_map(value).collect()
    }

    /// Whether it asks for this.
    pub fn uses(&self, variable: Variable) -> bool {
        self.parts.contains(&Part::Value(variable))
    }

    /// The text with every place filled.
    pub fn render(&self, value: impl Fn(Variable) -> String) -> String {
        let each = self.parts.iter().map(|part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(variable) => value(*variable),
        });
        each.collect()
    }
}

/// The lower-case word that `text` begins with, between these brackets.
fn word_in<'t>(text: &'t str, open: &str, close: &str) -> Option<&'t str> {
    let (word, _) = text.strip_prefix(open)?.split_once(close)?;
    let fits = |c: char| c.is_ascii_lowercase() || c == '_';
    (!word.is_empty() && word.chars().all(fits)).then_some(word)
}

impl TryFrom<String> for Template {
    type Error = UnknownVariable;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::nothing("plain", "plain")]
    #[case::one("as {user_id}!", "as <user_id>!")]
    #[case::neighbours("{homeserver}{port}", "<homeserver><port>")]
    #[case::json(
        r#"{"token": "{token}", "deep": {"a": {}}}"#,
        r#"{"token": "<token>", "deep": {"a": {}}}"#
    )]
    #[case::said_literally("{{token}} is {token}", "{token} is <token>")]
    #[case::lonely_braces("{ } {1} {A} {", "{ } {1} {A} {")]
    #[case::unfinished("{token", "{token")]
    fn places_are_filled_and_braces_stay(#[case] text: &str, #[case] filled: &str) {
        let template = Template::parse(text).unwrap();
        assert_eq!(template.render(|variable| format!("<{}>", variable.name())), filled);
    }

    #[test]
    fn every_variable_can_be_asked_for() {
        for variable in Variable::ALL {
            let template = Template::parse(&variable.to_string()).unwrap();
            assert_eq!(template.variables(), BTreeSet::from([variable]));
            assert!(template.uses(variable));
        }
    }

    #[rstest]
    #[case("{tokn}")]
    #[case("a {token} and a {passwort}")]
    fn an_unknown_place_is_refused_with_what_there_is(#[case] text: &str) {
        let refused = Template::parse(text).unwrap_err().to_string();
        assert!(refused.contains("{token}, {device_id}, {password}"), "{refused}");
    }
}
