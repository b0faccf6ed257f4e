use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::secrets::{Leak, Origin};

/// Through which door a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Entrance {
    /// The public one: people, and the harness itself.
    Public,
    /// The bot's own.
    Bot,
}

/// Where a request goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Upstream {
    /// The homeserver.
    Homeserver,
    /// The bot's HTTP side.
    Bot,
}

/// The session behind a token, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The user.
    pub user_id: String,
    /// The device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_id: Option<String>,
}

/// One request and what became of it. Holds no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exchange {
    /// Its number, from 1, in the order in which requests came.
    pub seq: u64,
    /// When it came, in milliseconds since the front door opened.
    pub at_ms: u64,
    /// Through which door.
    pub entrance: Entrance,
    /// Where it went, or would have gone.
    pub upstream: Upstream,
    /// The session behind its token; `None` without a token or with one never seen in an answer to a login.
    pub who: Option<Who>,
    /// Whether it carried a token.
    pub with_token: bool,
    /// Which token that was, by a name that only tells it from others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// How the bot had come by that token; nothing where it never had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// The query.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub query: String,
    /// The JSON body of requests about sessions and passwords.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub request: Value,
    /// The status the client saw; `None` while there is none, and for ever where it saw none.
    pub status: Option<u16>,
    /// The status the upstream answered with, where it is another one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upstream_status: Option<u16>,
    /// The JSON body of errors, and of answers about sessions.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub answer: Value,
    /// Milliseconds until the whole answer was through.
    pub took_ms: Option<u64>,
    /// What was done to it, if anything: the description of a bend or a gate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bent: Option<String>,
    /// Secrets that the bot let others see: in the URL or body of its request, or in its answer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaks: Vec<Leak>,
    /// What went wrong on the way, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl Exchange {
    /// Whether the client has its whole answer, or will never get one.
    pub fn is_over(&self) -> bool {
        self.took_ms.is_some()
    }

    /// The error code of the answer the client saw, or nothing.
    pub fn errcode(&self) -> &str {
        self.answer["errcode"].as_str().unwrap_or_default()
    }

    /// The user it is about: the one behind the token, or the one a login or registration names.
    pub fn user(&self) -> Option<&str> {
        self.who.as_ref().map(|who| who.user_id.as_str()).or_else(|| {
            self.request["identifier"]["user"]
                .as_str()
                .or_else(|| self.request["user"].as_str())
        })
    }

    /// Whether it is about this user. A login may name its user by localpart or by id.
    pub fn is_by(&self, user: &str) -> bool {
        let localpart = |id: &str| {
            let localpart = id.trim_start_matches('@').split(':').next();
            localpart.unwrap_or_default().to_owned()
        };
        self.user()
            .is_some_and(|found| found == user || (!found.contains(':') && localpart(found) == localpart(user)))
    }

    /// One line for people.
    pub fn line(&self) -> String {
        let status = self.status.map_or("-".to_owned(), |status| status.to_string());
        let took = self.took_ms.map_or("…".to_owned(), |took| format!("{took} ms"));
        let who = self.user().unwrap_or("-");
        let extra = [
            Some(self.errcode()).filter(|code| !code.is_empty()),
            self.bent.as_deref(),
            self.error.as_deref(),
        ];
        let extra: Vec<&str> = extra.into_iter().flatten().collect();
        format!(
            "#{} {:?} {who} {} {} → {status} ({took}) {}",
            self.seq,
            self.entrance,
            self.method,
            self.path,
            extra.join(", ")
        )
        .trim_end()
        .to_owned()
    }
}
