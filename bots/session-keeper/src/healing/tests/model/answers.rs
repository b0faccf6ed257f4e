//! What the homeserver, or something on the way to it, answers.

use ruma_common::OwnedUserId;

use super::world::Device;
use crate::healing::{Answer, Expected};

/// An answer, as the model tells them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Reply {
    Alive(Device),
    OtherUser,
    Dead,
    Locked,
    LoggedIn(Device),
    WrongPassword,
    DeviceRefused,
    /// Any other request has succeeded.
    Done,
    /// None came. What was asked for may have been done all the same.
    TimedOut,
    /// A proxy repeats what it heard from a server that is going down.
    BadGateway,
    Limited,
    /// Something on the way takes the token out of the requests.
    Stripped,
}

/// Whom the operator has named.
pub(super) fn expected() -> Expected {
    Expected::Localpart("bot".to_owned())
}

pub(super) fn device_id(device: Device) -> String {
    format!("D{device}")
}

/// The answer as it comes from the network.
pub(super) fn answer(reply: Reply) -> Result<Answer, String> {
    let (status, body) = match reply {
        Reply::Alive(device) => {
            let device = device_id(device);
            (200, format!(r#"{{"user_id":"@bot:x","device_id":"{device}"}}"#))
        }
        Reply::OtherUser => (200, r#"{"user_id":"@other:x","device_id":"D1"}"#.to_owned()),
        Reply::LoggedIn(device) => {
            let device = device_id(device);
            let body = format!(r#"{{"user_id":"@bot:x","device_id":"{device}","access_token":"t"}}"#);
            (200, body)
        }
        Reply::Done => (200, "{}".to_owned()),
        Reply::Dead => (401, error("M_UNKNOWN_TOKEN")),
        Reply::Locked => (401, error("M_USER_LOCKED")),
        Reply::WrongPassword => (403, error("M_FORBIDDEN")),
        Reply::DeviceRefused => (400, error("M_UNKNOWN")),
        Reply::TimedOut => return Err("timed out".to_owned()),
        Reply::BadGateway => (502, error("M_UNKNOWN_TOKEN")),
        Reply::Limited => (429, error("M_LIMIT_EXCEEDED")),
        Reply::Stripped => (401, error("M_MISSING_TOKEN")),
    };
    Ok(Answer {
        status,
        body,
        ..Answer::default()
    })
}

fn error(errcode: &str) -> String {
    format!(r#"{{"errcode":"{errcode}","error":"words"}}"#)
}

/// Whether a user is the one whose session is kept.
pub(super) fn is_ours(user: &OwnedUserId) -> bool {
    user.localpart() == "bot"
}
