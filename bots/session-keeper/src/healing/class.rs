//! What one answer of the homeserver proves.

use std::time::Duration;

use ruma_common::{OwnedDeviceId, OwnedUserId, UserId};
use serde_json::Value;

use crate::secret::Secret;

/// Waited where the server limits without saying for how long.
const LIMITED_DEFAULT: Duration = Duration::from_secs(2);
/// No server is believed to mean more than this.
const LIMITED_MOST: Duration = Duration::from_secs(3600);

/// What came back for a request that got an HTTP answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The header `Retry-After`.
    pub retry_after: Option<String>,
    /// The body, as text.
    pub body: String,
}

/// What was asked: the same answer can mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// `GET /account/whoami`.
    Whoami,
    /// `POST /login`.
    Login,
    /// Any other request with a token.
    Other,
}

/// Whose token is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The first live token decides.
    Anyone,
    /// The user whom the operator named, on whatever server name.
    Localpart(String),
    /// The user who is remembered.
    User(OwnedUserId),
}

impl Expected {
    /// Whether a token of this user may be used. Localparts of historical upper case are the same user as far as a
    /// login is concerned, so case does not count.
    pub fn admits(&self, user: &UserId) -> bool {
        match self {
            Self::Anyone => true,
            Self::Localpart(localpart) => user.localpart().eq_ignore_ascii_case(localpart),
            Self::User(expected) => user == expected,
        }
    }
}

/// What the operator or the server's moderators did to the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bar {
    /// `M_USER_DEACTIVATED`.
    Deactivated,
    /// `M_USER_LOCKED`.
    Locked,
    /// `M_USER_SUSPENDED`.
    Suspended,
}

/// What an answer proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Class {
    /// The token lives, and is the wanted user's.
    Alive {
        /// Whose.
        user: OwnedUserId,
        /// On which device, where the server says so.
        device: Option<OwnedDeviceId>,
    },
    /// The login gave a new token of the wanted user.
    LoggedIn {
        /// Whose.
        user: OwnedUserId,
        /// On which device.
        device: OwnedDeviceId,
        /// The token.
        token: Secret,
    },
    /// The token is another user's: never to be used.
    WrongUser {
        /// Whose it is.
        user: OwnedUserId,
        /// The token, where a login has just made it: to be logged out.
        token: Option<Secret>,
    },
    /// Another request succeeded.
    Done(Value),
    /// The token is dead, as far as this answer can tell.
    Dead,
    /// Too many requests: wait at least so long.
    Limited(Duration),
    /// Proves nothing about the token.
    Unreachable(String),
    /// The account is barred.
    Barred(Bar),
    /// The login was refused: name or password wrong, or logins disabled. With the server's words.
    Refused(String),
    /// Another Matrix error, or a demand for user-interactive authentication (`body` has its `session`).
    Other {
        /// The HTTP status.
        status: u16,
        /// The error code; empty for user-interactive authentication.
        errcode: String,
        /// The parsed body.
        body: Value,
    },
}

/// Classes an answer. `Err` is a request without any answer (no connection, time-out), with the reason.
pub fn classify(asked: Asked, expected: &Expected, answer: &Result<Answer, String>) -> Class {
    let answer = match answer {
        Ok(answer) => answer,
        Err(reason) => return Class::Unreachable(reason.clone()),
    };
    let Ok(body @ Value::Object(_)) = serde_json::from_str::<Value>(&answer.body) else {
        return match answer.status {
            429 => Class::Limited(delay(answer, &Value::Null)),
            status => Class::Unreachable(format!("HTTP {status} with a body that is not from a Matrix server")),
        };
    };
    if (200..300).contains(&answer.status) {
        return success(asked, expected, body);
    }
    failure(asked, answer, body)
}

fn success(asked: Asked, expected: &Expected, body: Value) -> Class {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    if asked == Asked::Other {
        return Class::Done(body);
    }
    let Some(user) = text("user_id").and_then(|user| UserId::parse(user).ok()) else {
        return Class::Unreachable("HTTP 200 without a user id".to_owned());
    };
    let device = text("device_id").map(OwnedDeviceId::from);
    let token = text("access_token").filter(|token| !token.is_empty()).map(Secret::new);
    if !expected.admits(&user) {
        return Class::WrongUser {
            user,
            token: token.filter(|_| asked == Asked::Login),
        };
    }
    match (asked, device, token) {
        (Asked::Login, Some(device), Some(token)) => Class::LoggedIn { user, device, token },
        (Asked::Login, ..) => Class::Unreachable("HTTP 200 to a login without token or device".to_owned()),
        (_, device, _) => Class::Alive { user, device },
    }
}

fn failure(asked: Asked, answer: &Answer, body: Value) -> Class {
    let status = answer.status;
    let errcode = body
        .get("errcode")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    match (status, errcode.as_str()) {
        (_, "M_USER_DEACTIVATED") => return Class::Barred(Bar::Deactivated),
        (_, "M_USER_LOCKED") => return Class::Barred(Bar::Locked),
        (_, "M_USER_SUSPENDED" | "ORG.MATRIX.MSC3823.USER_ACCOUNT_SUSPENDED") => return Class::Barred(Bar::Suspended),
        (429, _) => return Class::Limited(delay(answer, &body)),
        (500.., _) => return Class::Unreachable(format!("HTTP {status} {errcode}").trim_end().to_owned()),
        _ => {}
    }
    let interactive = status == 401 && body.get("flows").is_some();
    if interactive && asked == Asked::Other {
        // The errcode here is about the stage that failed, not about the token.
        return Class::Other { status, errcode, body };
    }
    match (asked, status, errcode.as_str()) {
        // A login carries no token: nothing that it answers can be about one.
        (Asked::Whoami | Asked::Other, 401, "M_UNKNOWN_TOKEN" | "M_MISSING_TOKEN" | "M_UNAUTHORIZED") => Class::Dead,
        (Asked::Login, 403, "M_FORBIDDEN")
        | (Asked::Login, 404, "M_NOT_FOUND")
        | (Asked::Login, 400, "M_INVALID_PARAM") => {
            let words = body.get("error").and_then(Value::as_str).unwrap_or_default();
            Class::Refused(format!("{errcode}: {words}"))
        }
        (_, _, "") => Class::Unreachable(format!("HTTP {status} with a body that is not a Matrix error")),
        // A router that does not know the path is not the homeserver, or not at this URL.
        (_, _, "M_UNRECOGNIZED") => Class::Unreachable(format!("HTTP {status} M_UNRECOGNIZED: is the base URL right?")),
        (Asked::Whoami, ..) => Class::Unreachable(format!("HTTP {status} {errcode} to whoami")),
        _ => Class::Other { status, errcode, body },
    }
}

fn delay(answer: &Answer, body: &Value) -> Duration {
    let header = answer
        .retry_after
        .as_deref()
        .and_then(|text| text.trim().parse::<u64>().ok())
        .map(Duration::from_secs);
    let field = body
        .get("retry_after_ms")
        .and_then(Value::as_u64)
        .map(Duration::from_millis);
    header.max(field).unwrap_or(LIMITED_DEFAULT).min(LIMITED_MOST)
}
