//! What one answer of the homeserver proves.

use std::{fmt, time::Duration};

use ruma_common::{OwnedDeviceId, OwnedUserId, UserId};
use serde_json::Value;

use super::{About, Blocker, Refusal, Reply, refusal};
use crate::secret::Secret;

/// What came back for a request that got an HTTP answer. `Debug` shows neither the body nor where it leads: both may hold
/// secrets.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// How long the header `Retry-After` asks to wait: see [`super::retry_after`].
    pub retry_after: Option<Duration>,
    /// The header `Location`.
    pub location: Option<String>,
    /// The body, as text.
    pub body: String,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("retry_after", &self.retry_after)
            .field("is_redirect", &self.location.is_some())
            .field("body_bytes", &self.body.len())
            .finish()
    }
}

/// What was asked: the same answer can mean different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Asked {
    /// `GET /account/whoami`.
    Whoami,
    /// `POST /login`.
    Login,
    /// `POST /refresh`.
    Refresh,
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
#[non_exhaustive]
pub enum AccountBlock {
    /// `M_USER_DEACTIVATED`.
    Deactivated,
    /// `M_USER_LOCKED`.
    Locked,
    /// `M_USER_SUSPENDED`.
    Suspended,
    /// Its validity is over (Synapse's account validity).
    Expired,
    /// The server's moderators have not approved it yet (MSC3866).
    Unapproved,
}

/// What an answer proves. `Debug` shows no body: it may hold secrets.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
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
        /// What makes another one when it has expired, where the server gives that.
        refresh: Option<Secret>,
    },
    /// The refresh token gave a new token for its device.
    Refreshed {
        /// The token.
        token: Secret,
        /// The next refresh token; without one, the same is good again.
        refresh: Option<Secret>,
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
    AccountBlocked(AccountBlock),
    /// The account waits for a person.
    Blocked(Blocker),
    /// Something on the way takes the token out of the requests. With what came back.
    WayBroken(String),
    /// The way leads elsewhere, where no secret follows: to this address, as far as it was told.
    Redirected(String),
    /// This server takes no passwords: its ways to log in are these.
    NoPasswords(Vec<String>),
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

impl fmt::Debug for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alive { user, device } => write!(f, "Alive({user}, {device:?})"),
            Self::LoggedIn { user, device, .. } => write!(f, "LoggedIn({user}, {device})"),
            Self::Refreshed { .. } => f.write_str("Refreshed"),
            Self::WrongUser { user, .. } => write!(f, "WrongUser({user})"),
            Self::Done(_) => f.write_str("Done"),
            Self::Dead => f.write_str("Dead"),
            Self::Limited(delay) => write!(f, "Limited({delay:?})"),
            Self::Unreachable(reason) => write!(f, "Unreachable({reason})"),
            Self::AccountBlocked(block) => write!(f, "AccountBlocked({block:?})"),
            Self::Blocked(blocker) => write!(f, "Blocked({blocker:?})"),
            Self::WayBroken(words) => write!(f, "WayBroken({words})"),
            Self::Redirected(target) => write!(f, "Redirected({target})"),
            Self::NoPasswords(flows) => write!(f, "NoPasswords({flows:?})"),
            Self::Refused(words) => write!(f, "Refused({words})"),
            Self::Other { status, errcode, .. } => write!(f, "Other({status}, {errcode})"),
        }
    }
}

/// Classes an answer. `Err` is a request without any answer (no connection, time-out), with the reason in
/// one line.
///
/// ```
/// use session_keeper::healing::{Answer, Asked, Class, Expected, classify};
///
/// let unauthorized = |body: &str| {
///     let (status, body) = (401, body.to_owned());
///     classify(Asked::Whoami, &Expected::Anyone, &Ok(Answer { status, body, ..Answer::default() }))
/// };
/// assert_eq!(unauthorized(r#"{"errcode":"M_UNKNOWN_TOKEN","error":"gone"}"#), Class::Dead);
/// // What something on the way says proves nothing about a token.
/// assert!(matches!(unauthorized("<html>Who are you?</html>"), Class::Unreachable(_)));
/// ```
pub fn classify(asked: Asked, expected: &Expected, answer: &Result<Answer, String>) -> Class {
    let answer = match answer {
        Ok(answer) => answer,
        Err(reason) => return Class::Unreachable(reason.clone()),
    };
    let body = match serde_json::from_str::<Value>(&answer.body) {
        Ok(body @ Value::Object(_)) => body,
        _ => Value::Null,
    };
    match answer.status {
        200..300 if body.is_object() => success(asked, expected, body),
        status @ 200..300 => Class::Unreachable(format!("HTTP {status} with a body that is not from a Matrix server")),
        _ => failure(asked, answer, body),
    }
}

/// The ways to log in that `GET /login` names; none where a Matrix server does not know the question. `None` where the
/// answer proves nothing.
pub fn login_flows(answer: &Result<Answer, String>) -> Option<Vec<String>> {
    let answer = answer.as_ref().ok()?;
    let body = serde_json::from_str::<Value>(&answer.body).ok()?;
    if answer.status != 200 {
        return is_refused(answer, &body).then(Vec::new);
    }
    let flows = body.get("flows")?.as_array()?.iter();
    Some(
        flows
            .filter_map(|flow| flow.get("type")?.as_str().map(ToOwned::to_owned))
            .collect(),
    )
}

/// Whether a Matrix server refuses the question itself: it is neither down nor busy, nor is it about the account.
fn is_refused(answer: &Answer, body: &Value) -> bool {
    let errcode = body.get("errcode").and_then(Value::as_str).unwrap_or_default();
    let reply = Reply {
        status: answer.status,
        body,
        retry_after: answer.retry_after,
        location: answer.location.as_deref(),
    };
    match refusal(About::Other, &reply) {
        Refusal::Final(_) | Refusal::DeadToken | Refusal::WayBroken(_) | Refusal::Operator(Blocker::Forbidden(_)) => {
            true
        }
        _ => errcode == "M_UNRECOGNIZED" && matches!(answer.status, 400..=499 | 501),
    }
}

fn success(asked: Asked, expected: &Expected, body: Value) -> Class {
    let text = |key: &str| body.get(key).and_then(Value::as_str);
    if asked == Asked::Other {
        return Class::Done(body);
    }
    let token = text("access_token").filter(|token| !token.is_empty()).map(Secret::new);
    let refresh = text("refresh_token").filter(|token| !token.is_empty()).map(Secret::new);
    if asked == Asked::Refresh {
        let missing = || Class::Unreachable("HTTP 200 to a refresh without a token".to_owned());
        return token.map_or_else(missing, |token| Class::Refreshed { token, refresh });
    }
    let Some(user) = text("user_id").and_then(|user| UserId::parse(user).ok()) else {
        return Class::Unreachable("HTTP 200 without a user id".to_owned());
    };
    let device = text("device_id")
        .filter(|device| !device.is_empty())
        .map(OwnedDeviceId::from);
    if !expected.admits(&user) {
        return Class::WrongUser {
            user,
            token: token.filter(|_| asked == Asked::Login),
        };
    }
    match (asked, device, token) {
        (Asked::Login, Some(device), Some(token)) => Class::LoggedIn {
            user,
            device,
            token,
            refresh,
        },
        // It is a homeserver's, and another login would be answered so, too. What is in it may be secret.
        (Asked::Login, ..) => Class::Other {
            status: 200,
            errcode: String::new(),
            body: Value::Null,
        },
        (_, device, _) => Class::Alive { user, device },
    }
}

fn failure(asked: Asked, answer: &Answer, body: Value) -> Class {
    let status = answer.status;
    let reply = Reply {
        status,
        body: &body,
        retry_after: answer.retry_after,
        location: answer.location.as_deref(),
    };
    let errcode = |body: &Value| {
        let errcode = body.get("errcode").and_then(Value::as_str);
        errcode.unwrap_or_default().to_owned()
    };
    // A server that has just answered to a token and knows no refresh tokens (any more) says so in this way.
    if asked == Asked::Refresh && errcode(&body) == "M_UNRECOGNIZED" && status < 500 {
        return Class::Dead;
    }
    // The token is all that is long in the headers.
    if asked == Asked::Whoami && status == 431 {
        return Class::Dead;
    }
    let no = match refusal(About::Other, &reply) {
        Refusal::Operator(Blocker::Account(block)) => return Class::AccountBlocked(block),
        Refusal::Operator(blocker) if blocker.is_of_account() => return Class::Blocked(blocker),
        Refusal::Limited(delay) => return Class::Limited(delay),
        Refusal::Redirected(target) => return Class::Redirected(target),
        Refusal::Transient(reason) => return Class::Unreachable(reason),
        // A login carries no token in its header, nor does a refresh: nothing that is answered can be about one.
        Refusal::DeadToken if asked != Asked::Login => return Class::Dead,
        Refusal::WayBroken(words) if !matches!(asked, Asked::Login | Asked::Refresh) => return Class::WayBroken(words),
        Refusal::Interactive if matches!(asked, Asked::Whoami | Asked::Refresh) => {
            return Class::Unreachable(format!("HTTP {status} with a body that is not a Matrix error"));
        }
        Refusal::Operator(Blocker::Forbidden(no)) | Refusal::Final(no) => Some(no),
        _ => None,
    };
    match (asked, no) {
        (Asked::Login, Some(no)) if is_about_name_or_password(&no.errcode) => Class::Refused(no.to_string()),
        // Whatever is wrong with a refresh token, it is of no use.
        (Asked::Refresh, _) => Class::Dead,
        // By whatever name: the login decides.
        (Asked::Whoami, Some(no)) if no.status == 401 => Class::Dead,
        _ => Class::Other {
            status,
            errcode: errcode(&body),
            body,
        },
    }
}

/// What servers say to a wrong password, an unknown name, or a login that is disabled.
fn is_about_name_or_password(errcode: &str) -> bool {
    matches!(
        errcode,
        "M_FORBIDDEN" | "M_NOT_FOUND" | "M_INVALID_PARAM" | "M_INVALID_USERNAME"
    )
}
