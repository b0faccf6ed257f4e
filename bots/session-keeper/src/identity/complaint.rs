//! What the operator is told.

use std::path::Path;

use crate::healing::{Bar, Stuck};

/// Why an identity cannot heal, and what to do.
pub(super) struct Complaint {
    pub(super) why: String,
    pub(super) next_step: String,
}

/// The complaint for `stuck`. `user` is who is to be logged in, `file` the password file, `problem` what is wrong with
/// that file itself.
pub(super) fn complaint(stuck: &Stuck, user: &str, file: &Path, problem: Option<&str>) -> Complaint {
    let file = file.display();
    let (why, next_step) = match stuck {
        Stuck::NoPassword { wrong_user } => {
            let token = wrong_user.as_ref().map_or_else(
                || "no access token is alive".to_owned(),
                |other| format!("the access token is {other}'s, not {user}'s"),
            );
            let why = match problem {
                Some(problem) => format!("{token}, and the password file cannot be used: {problem}"),
                None => format!("{token}, and there is no password file"),
            };
            (
                why,
                format!("write the password of {user} into {file}; it is tried the moment it is there"),
            )
        }
        Stuck::PasswordRefused(words) => (
            format!(
                "the homeserver refuses the password of {user}{}",
                words.as_ref().map_or_else(String::new, |words| format!(" ({words})"))
            ),
            format!(
                "write the right password of {user} into {file}, or reset the account's password to the one in it and \
                 touch the file; where the answer says that logins are disabled, enable them for {user}"
            ),
        ),
        Stuck::WrongUser(other) => (
            format!("logging in as {user} gave {other}"),
            format!("set the username of this identity to the account whose password is in {file}, or correct {file}"),
        ),
        Stuck::Barred(Bar::Deactivated) => (
            format!("the account {user} is deactivated"),
            format!("reactivate {user} on the homeserver and write its new password into {file}"),
        ),
        Stuck::Barred(Bar::Locked) => (
            format!("the account {user} is locked"),
            format!("unlock {user} on the homeserver"),
        ),
        Stuck::Barred(Bar::Suspended) => (
            format!("the account {user} is suspended"),
            format!("lift the suspension of {user} on the homeserver"),
        ),
        Stuck::Contested => (
            format!("fresh tokens of {user} die within seconds: somebody else logs in on the same device"),
            format!(
                "stop the other program that runs as {user} (another copy of this bot, with a copy of its data?), then \
                 touch {file}"
            ),
        ),
    };
    Complaint { why, next_step }
}
