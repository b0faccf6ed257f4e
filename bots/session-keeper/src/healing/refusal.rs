//! What a refused request means for whoever made it: one classing for all requests, whichever HTTP client sent them.
//!
//! | class | what to do |
//! |---|---|
//! | [`Refusal::Final`] | give up: asked again, the answer would be the same |
//! | [`Refusal::Operator`] | keep what was to be done, say what a person has to see to, do it once that is cured |
//! | [`Refusal::Transient`], [`Refusal::Limited`] | try again later |
//! | [`Refusal::DeadToken`] | heal, then try again |
//! | [`Refusal::WayBroken`], [`Refusal::Redirected`] | the answer is about the way to the homeserver: no login helps |

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use serde_json::Value;

use super::AccountBlock;

/// Waited where the server limits without saying for how long.
const LIMITED_DEFAULT: Duration = Duration::from_secs(2);
/// No server is believed to mean more than this.
const LIMITED_MOST: Duration = Duration::from_secs(3600);
/// So much of a server's words is shown.
const WORDS_MOST: usize = 200;

/// What the request was about: it tells what is missing where the answer says that something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum About {
    /// A room, or something in it.
    Room,
    /// Anything else.
    Other,
}

/// An answer without success, as far as it counts.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The parsed body; `Null` where it is not JSON.
    pub body: &'a Value,
    /// How long the header `Retry-After` asks to wait: see [`retry_after`].
    pub retry_after: Option<Duration>,
    /// The header `Location`.
    pub location: Option<&'a str>,
}

/// A server's no, in its own words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct No {
    /// The HTTP status.
    pub status: u16,
    /// The Matrix error code.
    pub errcode: String,
    /// The server's words: one line of bounded length, without the error code that some servers repeat in them.
    pub words: String,
}

impl fmt::Display for No {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.words.as_str() {
            "" => write!(f, "HTTP {} {}", self.status, self.errcode),
            words => write!(f, "{}: {words}", self.errcode),
        }
    }
}

/// What a person has to see to.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Blocker {
    /// The account is deactivated, locked or suspended.
    Account(AccountBlock),
    /// The server wants its terms accepted (`M_CONSENT_NOT_GIVEN`).
    Consent {
        /// Where.
        uri: Option<String>,
    },
    /// The server has reached a limit of its own (`M_RESOURCE_LIMIT_EXCEEDED`).
    ResourceLimit {
        /// Who can lift it.
        contact: Option<String>,
    },
    /// Power, membership or a rule of the server is lacking.
    Forbidden(No),
    /// The server does not know the room.
    UnknownRoom(No),
}

impl Blocker {
    /// Whether it bars the account as a whole, and not only what was tried.
    pub const fn is_of_account(&self) -> bool {
        matches!(
            self,
            Self::Account(_) | Self::Consent { .. } | Self::ResourceLimit { .. }
        )
    }

    /// What a person should do, `user` being the account.
    pub fn cure(&self, user: &str) -> String {
        match self {
            Self::Account(AccountBlock::Deactivated) => format!("reactivate {user} on the homeserver"),
            Self::Account(AccountBlock::Locked) => format!("unlock {user} on the homeserver"),
            Self::Account(AccountBlock::Suspended) => format!("lift the suspension of {user} on the homeserver"),
            Self::Account(AccountBlock::Expired) => format!("renew {user} on the homeserver"),
            Self::Account(AccountBlock::Unapproved) => format!("approve {user} on the homeserver"),
            Self::Consent { uri: Some(uri) } => format!("open {uri} as {user} and accept the terms"),
            Self::Consent { uri: None } => format!("accept the homeserver's terms as {user}"),
            Self::ResourceLimit { contact: Some(contact) } => {
                format!("ask {contact} to raise the homeserver's limit")
            }
            Self::ResourceLimit { contact: None } => "have the homeserver's limit raised".to_owned(),
            Self::Forbidden(_) => format!("give {user} the power and membership that it needs"),
            Self::UnknownRoom(_) => format!("see that the room exists and invite {user} to it"),
        }
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(AccountBlock::Deactivated) => f.write_str("the account is deactivated"),
            Self::Account(AccountBlock::Locked) => f.write_str("the account is locked"),
            Self::Account(AccountBlock::Suspended) => f.write_str("the account is suspended"),
            Self::Account(AccountBlock::Expired) => f.write_str("the account has expired"),
            Self::Account(AccountBlock::Unapproved) => f.write_str("the account waits for approval"),
            Self::Consent { .. } => f.write_str("the homeserver wants its terms accepted first"),
            Self::ResourceLimit { .. } => f.write_str("the homeserver has reached a limit of its own"),
            Self::Forbidden(no) => write!(f, "the homeserver does not allow it ({no})"),
            Self::UnknownRoom(no) => write!(f, "the homeserver does not know the room ({no})"),
        }
    }
}

/// What a refused request means.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// The target is gone or the request is wrong: asking again changes nothing.
    Final(No),
    /// A person has to see to something; what was to be done is kept until then.
    Operator(Blocker),
    /// Proves nothing: ask again later. Says what came back.
    Transient(String),
    /// Too many requests: ask again after so long.
    Limited(Duration),
    /// The token is dead, as far as this answer can tell.
    DeadToken,
    /// Something on the way takes the token out of the request. Says what came back.
    WayBroken(String),
    /// The way leads elsewhere, where no secret follows: to this address, as far as it was told.
    Redirected(String),
    /// The server wants user-interactive authentication.
    Interactive,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Final(no) => write!(f, "the homeserver refuses it for good ({no})"),
            Self::Operator(blocker) => blocker.fmt(f),
            Self::Transient(why) => f.write_str(why),
            Self::Limited(delay) => write!(f, "it asks for {} s of patience", delay.as_secs_f64().ceil()),
            Self::DeadToken => f.write_str("the token is dead"),
            Self::WayBroken(words) => write!(f, "the token does not arrive there ({words})"),
            Self::Redirected(target) => write!(f, "it redirects to {target}, which is not followed"),
            Self::Interactive => f.write_str("it wants a person to authenticate"),
        }
    }
}

/// Classes an answer without success (any status but 2xx).
pub fn refusal(about: About, reply: &Reply<'_>) -> Refusal {
    let status = reply.status;
    let text = |key: &str| reply.body.get(key).and_then(Value::as_str);
    let errcode = text("errcode").unwrap_or_default();
    let no = || No {
        status,
        errcode: errcode.to_owned(),
        words: words(text("error").unwrap_or_default(), errcode),
    };
    if let Some(blocker) = of_account(errcode, reply.body) {
        return Refusal::Operator(blocker);
    }
    match (status, errcode) {
        (300..=399, _) => Refusal::Redirected(target(reply.location)),
        (429, _) | (_, "M_LIMIT_EXCEEDED") => Refusal::Limited(delay(reply)),
        (408 | 425 | 500.., _) => Refusal::Transient(format!("HTTP {status} {errcode}").trim_end().to_owned()),
        // The error code is about the stage that failed, not about the token.
        (401, _) if reply.body.get("flows").is_some() => Refusal::Interactive,
        (_, "") => Refusal::Transient(format!("HTTP {status} with a body that is not a Matrix error")),
        // A router that does not know the path is not the homeserver, or not at this address.
        (_, "M_UNRECOGNIZED") => Refusal::Transient(format!("HTTP {status} M_UNRECOGNIZED: is the base URL right?")),
        (_, "M_MISSING_TOKEN") => Refusal::WayBroken(no().to_string()),
        (401, "M_UNAUTHORIZED") if says_missing(&no().words) => Refusal::WayBroken(no().to_string()),
        (_, "M_UNKNOWN_TOKEN") | (401, "M_UNAUTHORIZED") => Refusal::DeadToken,
        (404 | 410, _) | (_, "M_NOT_FOUND") if about == About::Room => Refusal::Operator(Blocker::UnknownRoom(no())),
        (403, _) | (_, "M_FORBIDDEN") => Refusal::Operator(Blocker::Forbidden(no())),
        _ => Refusal::Final(no()),
    }
}

/// What bars the account as a whole, whatever the status.
fn of_account(errcode: &str, body: &Value) -> Option<Blocker> {
    let line = |key: &str| {
        let text = body.get(key).and_then(Value::as_str).map(|text| words(text, ""));
        text.filter(|text| !text.is_empty())
    };
    Some(match errcode {
        "M_USER_DEACTIVATED" => Blocker::Account(AccountBlock::Deactivated),
        "M_USER_LOCKED" | "ORG_MATRIX_MSC3939_USER_LOCKED" => Blocker::Account(AccountBlock::Locked),
        "M_USER_SUSPENDED" | "ORG.MATRIX.MSC3823.USER_ACCOUNT_SUSPENDED" => Blocker::Account(AccountBlock::Suspended),
        "ORG_MATRIX_EXPIRED_ACCOUNT" => Blocker::Account(AccountBlock::Expired),
        "M_USER_AWAITING_APPROVAL" | "ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL" => {
            Blocker::Account(AccountBlock::Unapproved)
        }
        "M_CONSENT_NOT_GIVEN" => Blocker::Consent {
            uri: line("consent_uri"),
        },
        "M_RESOURCE_LIMIT_EXCEEDED" => Blocker::ResourceLimit {
            contact: line("admin_contact"),
        },
        _ => return None,
    })
}

/// Whether the words of a 401 mean that no token arrived. Some continuwuity builds have one error code for both.
fn says_missing(words: &str) -> bool {
    let words = words.to_ascii_lowercase();
    [
        "no access token",
        "missing access token",
        "missing token",
        "token is missing",
        "no token",
    ]
    .iter()
    .any(|meaning| words.contains(meaning))
}

/// One line of bounded length, without control characters and without the error code in front.
pub(super) fn words(text: &str, errcode: &str) -> String {
    let spaced = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect::<String>();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut rest = line.as_str();
    if !errcode.is_empty() {
        while let Some(shorter) = rest.strip_prefix(errcode).and_then(|rest| rest.strip_prefix(':')) {
            rest = shorter.trim_start();
        }
    }
    rest.chars().take(WORDS_MOST).collect()
}

/// Where a redirection leads, without what a log must not hold: user information, query and fragment.
fn target(location: Option<&str>) -> String {
    let Some(location) = location
        .map(|location| words(location, ""))
        .filter(|location| !location.is_empty())
    else {
        return "an address that it does not name".to_owned();
    };
    let bare = location.split(['?', '#']).next().unwrap_or_default();
    match bare.split_once("//") {
        Some((scheme, rest)) => {
            let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("{scheme}//{host}{path}")
        }
        None => bare.to_owned(),
    }
}

/// The longer of what the header and the body ask for.
fn delay(reply: &Reply<'_>) -> Duration {
    let field = reply.body.get("retry_after_ms").and_then(|value| {
        let whole = value.as_u64().map(Duration::from_millis);
        // Some proxies answer with a fraction.
        whole.or_else(|| Duration::try_from_secs_f64(value.as_f64()? / 1000.0).ok())
    });
    let asked = reply.retry_after.max(field);
    asked.unwrap_or(LIMITED_DEFAULT).min(LIMITED_MOST)
}

/// How long a header `Retry-After` asks to wait: seconds, or an HTTP date, which is compared with `now`, the time by the
/// clock of whoever wrote it (the header `Date`). `None` where it says neither, or a time that is over.
pub fn retry_after(header: &str, now: SystemTime) -> Option<Duration> {
    let header = header.trim();
    if let Ok(seconds) = header.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(header).ok()?.duration_since(now).ok()
}
