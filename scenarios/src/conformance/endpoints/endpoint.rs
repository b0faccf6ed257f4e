//! One endpoint of the specification, and what a right request to it is.

use std::any::TypeId;

use reqwest::Method;
use ruma::api::{
    Metadata,
    auth_scheme::{AccessToken, AccessTokenOptional},
    path_builder::PathBuilder as _,
};
use serde_json::Value;

/// Whether an endpoint wants to know who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Auth {
    Needed,
    Optional,
    None,
}

/// What a right request carries.
#[derive(Clone, Debug)]
pub(super) enum Content {
    None,
    Json(Value),
    Bytes(&'static [u8]),
}

/// What is made anew before an endpoint is asked, so that no answer hangs on an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fresh {
    /// Nothing: the endpoint changes nothing that others look at.
    Nothing,
    /// A room for the endpoint.
    Room,
    /// A room for each case.
    RoomEachCase,
    /// A room on which one can knock, for each case.
    KnockRoomEachCase,
    /// A device of the asking user for each case.
    DeviceEachCase,
}

/// An endpoint: method, path and authentication are the specification's, as `ruma` has them; the rest is what a right request says.
///
/// Names in braces stand for what the stage knows.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub(super) name: &'static str,
    pub(super) method: Method,
    pub(super) path: &'static str,
    pub(super) auth: Auth,
    pub(super) content: Content,
    pub(super) query: Vec<(&'static str, &'static str)>,
    pub(super) by: &'static str,
    pub(super) values: Vec<(&'static str, &'static str)>,
    pub(super) fresh: Fresh,
    pub(super) with_password: bool,
    pub(super) strangers: Vec<(&'static str, &'static str)>,
}

impl Endpoint {
    /// The endpoint of a request type, at the newest of its stable paths.
    pub(super) fn of<R>(name: &'static str) -> Self
    where
        R: Metadata,
        R::Authentication: 'static,
    {
        let scheme = TypeId::of::<R::Authentication>();
        let auth = if scheme == TypeId::of::<AccessToken>() {
            Auth::Needed
        } else if scheme == TypeId::of::<AccessTokenOptional>() {
            Auth::Optional
        } else {
            Auth::None
        };
        Self {
            name,
            method: R::METHOD,
            path: R::PATH_BUILDER.all_paths().last().unwrap_or_default(),
            auth,
            content: Content::None,
            query: Vec::new(),
            by: "alice",
            values: Vec::new(),
            fresh: Fresh::Nothing,
            with_password: false,
            strangers: Vec::new(),
        }
    }

    /// The name, in recordings and in the table.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Method and path, for people.
    pub fn label(&self) -> String {
        format!("{} {}", self.method, self.path.trim_start_matches("/_matrix/client"))
    }

    /// The variables of the path, in order.
    pub(super) fn variables(&self) -> Vec<&'static str> {
        let segments = self.path.split('/');
        segments
            .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
            .collect()
    }

    /// What stands for a variable of the path.
    pub(super) fn value(&self, variable: &str) -> &'static str {
        let own = self.values.iter().find(|(name, _)| *name == variable);
        own.map_or_else(|| usual(variable), |(_, value)| *value)
    }

    /// A right request has this JSON body.
    pub(super) fn json(mut self, body: Value) -> Self {
        self.content = Content::Json(body);
        self
    }

    /// A right request has these bytes as body.
    pub(super) fn bytes(mut self, body: &'static [u8]) -> Self {
        self.content = Content::Bytes(body);
        self
    }

    /// A right request has this in its query.
    pub(super) fn query(mut self, name: &'static str, value: &'static str) -> Self {
        self.query.push((name, value));
        self
    }

    /// This user asks, where the usual one would be of no use.
    pub(super) fn by(mut self, user: &'static str) -> Self {
        self.by = user;
        self
    }

    /// A variable of the path stands for this.
    pub(super) fn at(mut self, variable: &'static str, value: &'static str) -> Self {
        self.values.push((variable, value));
        self
    }

    /// What is made anew.
    pub(super) fn fresh(mut self, fresh: Fresh) -> Self {
        self.fresh = fresh;
        self
    }

    /// It is asked with the password too, as the last case, by a user made for it.
    pub(super) fn with_password(mut self) -> Self {
        self.with_password = true;
        self
    }

    /// A field of the body that names somebody or something, with what names nobody.
    pub(super) fn stranger(mut self, field: &'static str, value: &'static str) -> Self {
        self.strangers.push((field, value));
        self
    }
}

/// What a variable of a path stands for, where the endpoint does not say.
fn usual(variable: &str) -> &'static str {
    match variable {
        "room_id" | "room_id_or_alias" => "{room}",
        "event_id" => "{event}",
        "user_id" => "{alice}",
        "room_alias" => "{alias}",
        "device_id" => "{alice.device}",
        "txn_id" => "{case}",
        "version" => "{backup}",
        "session_id" => "backed.up.session",
        "filter_id" => "{filter}",
        "server_name" => "conformance.test",
        "media_id" => "{media}",
        "filename" => "name.txt",
        "event_type" => "m.room.message",
        "state_key" => "",
        "receipt_type" => "m.read",
        "kind" => "override",
        "rule_id" => ".m.rule.master",
        "field" => "displayname",
        "tag" => "m.favourite",
        _ => "nosuch",
    }
}

/// What is right in form and names nothing that is there.
pub(super) fn unknown(variable: &str) -> Option<&'static str> {
    Some(match variable {
        "room_id" | "room_id_or_alias" => "!nosuchroom:conformance.test",
        "event_id" => "$nosucheventnosucheventnosucheventnosuchevent",
        "user_id" => "@nobody:conformance.test",
        "room_alias" => "#nosuchalias:conformance.test",
        "device_id" => "NOSUCHDEVI",
        "version" => "9999",
        "session_id" => "nosuchsession",
        "filter_id" => "9999",
        "media_id" => "nosuchmedia",
        "server_name" => "elsewhere.test",
        "rule_id" => "nosuchrule",
        "tag" => "u.nosuch",
        "field" => "org.example.nosuch",
        "event_type" => "org.example.nosuch",
        "state_key" => "nosuchkey",
        _ => return None,
    })
}

/// What is wrong in form.
pub(super) fn malformed(variable: &str) -> Option<&'static str> {
    Some(match variable {
        "room_id" | "room_id_or_alias" | "event_id" | "user_id" | "room_alias" => "nonsense",
        "version" => "one",
        "filter_id" => "one",
        "server_name" => "not a name",
        "media_id" => "../../media",
        "kind" | "receipt_type" => "nonsense",
        _ => return None,
    })
}
