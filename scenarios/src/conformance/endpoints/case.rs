//! The cases of an endpoint: what may be wrong with a request, made from a right one.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::endpoint::{Auth, Content, Endpoint, malformed, unknown};

/// What kind of case it is: a column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Without a token.
    NoToken,
    /// With a token that has died.
    DeadToken,
    /// All is right; where no token is needed, there is one all the same.
    Living,
    /// By a user whom it does not concern.
    Another,
    /// The body is empty, no JSON, no object, or an object without anything in it.
    Body,
    /// A field of the body has another type, or is not there.
    Fields,
    /// A parameter of the query has another type, or is not there.
    Query,
    /// Something that is named is not there.
    Unknown,
    /// Something that is named has no right form.
    Malformed,
    /// By a user who has left the room.
    Left,
    /// By a user who is banned from the room.
    Banned,
    /// By a user who is invited to the room.
    Invited,
}

impl Kind {
    /// All of them, in the table's order.
    pub const ALL: [Self; 12] = [
        Self::NoToken,
        Self::DeadToken,
        Self::Living,
        Self::Another,
        Self::Body,
        Self::Fields,
        Self::Query,
        Self::Unknown,
        Self::Malformed,
        Self::Left,
        Self::Banned,
        Self::Invited,
    ];

    /// The head of the column.
    pub fn title(self) -> &'static str {
        match self {
            Self::NoToken => "no token",
            Self::DeadToken => "dead token",
            Self::Living => "right",
            Self::Another => "another user",
            Self::Body => "body",
            Self::Fields => "fields",
            Self::Query => "query",
            Self::Unknown => "unknown",
            Self::Malformed => "malformed",
            Self::Left => "left",
            Self::Banned => "banned",
            Self::Invited => "invited",
        }
    }
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asker {
    Nobody,
    Dead,
    User(&'static str),
}

/// What is sent as the body.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Sent {
    Nothing,
    Json(Value),
    Text(&'static str),
    Bytes(&'static [u8]),
    /// JSON, once without and once with the password.
    WithPassword(Value),
}

/// One request of an endpoint.
#[derive(Clone, Debug)]
pub(super) struct Case {
    pub(super) name: String,
    pub(super) asker: Asker,
    pub(super) values: Vec<(&'static str, &'static str)>,
    pub(super) query: Vec<(&'static str, &'static str)>,
    pub(super) sent: Sent,
}

/// The kind of a case, from its name.
pub fn kind_of(case: &str) -> Kind {
    match case {
        "no_token" => Kind::NoToken,
        "dead_token" => Kind::DeadToken,
        "another_user" => Kind::Another,
        "left" => Kind::Left,
        "banned" => Kind::Banned,
        "invited" => Kind::Invited,
        "right" | "with_password" => Kind::Living,
        _ if case.starts_with("body_") => Kind::Body,
        _ if case.starts_with("field_") => Kind::Fields,
        _ if case.starts_with("query_") => Kind::Query,
        _ if case.starts_with("unknown_") => Kind::Unknown,
        _ => Kind::Malformed,
    }
}

/// The cases of an endpoint, in the order in which they are asked: what is refused first, what is right last.
pub(super) fn cases(endpoint: &Endpoint) -> Vec<Case> {
    let mut all = vec![
        right(endpoint, "no_token").by(Asker::Nobody),
        right(endpoint, "dead_token").by(Asker::Dead),
    ];
    all.extend(names(endpoint));
    all.extend(memberships(endpoint));
    if endpoint.auth != Auth::None {
        all.push(right(endpoint, "another_user").by(Asker::User("bob")));
    }
    all.extend(bodies(endpoint));
    all.extend(fields(endpoint));
    all.extend(queries(endpoint));
    all.push(right(endpoint, "right").by(Asker::User(endpoint.by)));
    if let (true, Content::Json(body)) = (endpoint.with_password, &endpoint.content) {
        all.push(right(endpoint, "with_password").sends(Sent::WithPassword(body.clone())));
    }
    all
}

/// The right request, under a case's name.
fn right(endpoint: &Endpoint, name: impl Into<String>) -> Case {
    let name = name.into();
    Case {
        name,
        asker: match endpoint.auth {
            Auth::None => Asker::Nobody,
            Auth::Needed | Auth::Optional => Asker::User(endpoint.by),
        },
        values: Vec::new(),
        query: endpoint.query.clone(),
        sent: match &endpoint.content {
            Content::None => Sent::Nothing,
            Content::Json(body) => Sent::Json(body.clone()),
            Content::Bytes(bytes) => Sent::Bytes(bytes),
        },
    }
}

impl Case {
    fn by(mut self, asker: Asker) -> Self {
        self.asker = asker;
        self
    }

    fn sends(mut self, sent: Sent) -> Self {
        self.sent = sent;
        self
    }

    fn with(mut self, variable: &'static str, value: &'static str) -> Self {
        self.values.push((variable, value));
        self
    }
}

/// Each variable of the path, and each name in the body, once unknown and once malformed.
fn names(endpoint: &Endpoint) -> Vec<Case> {
    let mut all = Vec::new();
    for variable in endpoint.variables() {
        let odd = [("unknown", unknown(variable)), ("malformed", malformed(variable))];
        for (prefix, value) in odd {
            all.extend(value.map(|value| right(endpoint, format!("{prefix}_{variable}")).with(variable, value)));
        }
    }
    let Content::Json(body) = &endpoint.content else {
        return all;
    };
    for (field, value) in &endpoint.strangers {
        for (prefix, value) in [("unknown", *value), ("malformed", "nonsense")] {
            let body = replaced(body, field, json!(value));
            all.push(right(endpoint, format!("{prefix}_in_body_{field}")).sends(Sent::Json(body)));
        }
    }
    all
}

/// Those whose membership in the room is over, or has not begun.
fn memberships(endpoint: &Endpoint) -> Vec<Case> {
    let in_room = endpoint.variables().iter().any(|name| name.starts_with("room_id"));
    if !in_room || endpoint.auth == Auth::None {
        return Vec::new();
    }
    [("left", "carol"), ("banned", "dave"), ("invited", "erin")]
        .into_iter()
        .map(|(name, user)| right(endpoint, name).by(Asker::User(user)))
        .collect()
}

/// Bodies that are none, or none that fits.
fn bodies(endpoint: &Endpoint) -> Vec<Case> {
    let none = matches!(endpoint.content, Content::None);
    if endpoint.method == Method::GET || (none && endpoint.method == Method::DELETE) {
        return Vec::new();
    }
    let bodies = [
        ("body_empty", Sent::Nothing),
        ("body_no_json", Sent::Text("{not json")),
        ("body_list", Sent::Json(json!([]))),
        ("body_object", Sent::Json(json!({}))),
    ];
    let all = bodies.into_iter();
    all.map(|(name, sent)| right(endpoint, name).sends(sent)).collect()
}

/// Each field of the body with another type, and left out.
fn fields(endpoint: &Endpoint) -> Vec<Case> {
    let Content::Json(Value::Object(body)) = &endpoint.content else {
        return Vec::new();
    };
    let mut all = Vec::new();
    for (field, value) in body {
        let name = plain(field);
        let whole = Value::Object(body.clone());
        let odd = replaced(&whole, field, other_type(value));
        all.push(right(endpoint, format!("field_{name}_of_another_type")).sends(Sent::Json(odd)));
        if body.len() > 1 {
            let mut rest: Map<String, Value> = body.clone();
            rest.remove(field);
            all.push(right(endpoint, format!("field_{name}_not_there")).sends(Sent::Json(Value::Object(rest))));
        }
    }
    all
}

/// Each parameter of the query with nonsense, and left out.
fn queries(endpoint: &Endpoint) -> Vec<Case> {
    let mut all = Vec::new();
    for (at, (name, _)) in endpoint.query.iter().enumerate() {
        let mut odd = right(endpoint, format!("query_{name}_nonsense"));
        odd.query[at].1 = "nonsense";
        let mut without = right(endpoint, format!("query_{name}_not_there"));
        without.query.remove(at);
        all.extend([odd, without]);
    }
    all
}

fn replaced(body: &Value, field: &str, value: Value) -> Value {
    let mut body = body.clone();
    if let Some(fields) = body.as_object_mut() {
        fields.insert(field.to_owned(), value);
    }
    body
}

/// A value of a type that is never taken for the other.
fn other_type(value: &Value) -> Value {
    match value {
        Value::String(_) => json!({"not": "text"}),
        Value::Object(_) | Value::Array(_) => json!(7),
        Value::Number(_) | Value::Bool(_) | Value::Null => json!("nonsense"),
    }
}

/// A field's name as part of a case's.
fn plain(field: &str) -> String {
    let letters = field.chars();
    letters
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::table::endpoints, *};

    #[test]
    fn no_case_of_an_endpoint_is_asked_twice_and_each_has_a_kind_by_its_name() {
        for endpoint in endpoints() {
            let cases = cases(&endpoint);
            let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
            assert_eq!(names.len(), cases.len(), "a case stands twice in {}", endpoint.name());
            let odd = cases.iter().find(|case| kind_of(&case.name) == Kind::Malformed);
            assert!(odd.is_none_or(|case| case.name.starts_with("malformed_")), "{odd:?}");
        }
    }

    #[test]
    fn what_is_right_is_asked_last() {
        for endpoint in endpoints() {
            let cases = cases(&endpoint);
            let first = cases
                .iter()
                .position(|case| kind_of(&case.name) == Kind::Living)
                .unwrap_or(cases.len());
            assert!(
                cases[first..].iter().all(|case| kind_of(&case.name) == Kind::Living),
                "{}",
                endpoint.name()
            );
        }
    }
}
