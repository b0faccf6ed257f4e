//! What the operator is told.

use std::path::{Path, PathBuf};

use crate::healing::{Bar, Blocker, Stuck};

/// Why an identity cannot heal, and what to do.
pub(super) struct Complaint {
    pub(super) why: String,
    pub(super) next_step: String,
}

/// What else is known of the identity's files.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// What is wrong with the password file itself.
    pub(super) password_problem: Option<String>,
    /// Where a session file that was of no use lies.
    pub(super) session_aside: Option<PathBuf>,
    /// Why tokens that are at hand are not used.
    pub(super) unusable_tokens: Vec<String>,
}

/// The complaint for `stuck`. `user` is who is to be logged in, `file` the password file.
pub(super) fn complaint(stuck: &Stuck, user: &str, file: &Path, files: &Files) -> Complaint {
    let file = file.display();
    let problem = files.password_problem.as_ref();
    let (why, next_step) = match stuck {
        Stuck::NoPassword { wrong_user } => {
            let token = wrong_user.as_ref().map_or_else(
                || "no access token is alive".to_owned(),
                |other| format!("the access token is {other}'s, not {user}'s"),
            );
            let mut why = match problem {
                Some(problem) => format!("{token}, and the password file cannot be used: {problem}"),
                None => format!("{token}, and there is no password file"),
            };
            for unusable in &files.unusable_tokens {
                why.push_str("; ");
                why.push_str(unusable);
            }
            if let Some(aside) = &files.session_aside {
                why.push_str(&format!("; a damaged session file lies in {}", aside.display()));
            }
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
        Stuck::NoPasswordLogin(flows) => (
            format!(
                "no access token is alive, and this homeserver takes no passwords, only {}",
                match flows.as_slice() {
                    [] => "nothing at all".to_owned(),
                    flows => flows.join(", "),
                }
            ),
            format!(
                "give this identity an access token of {user} that belongs to a device of its own, or have the homeserver \
                 take passwords (m.login.password) for {user}; that is noticed by itself"
            ),
        ),
        Stuck::LoginRefused(said) => (
            format!("the homeserver refuses the login of {user} on any device ({said})"),
            format!("see in the homeserver's log why it refuses the login of {user}, then touch {file}"),
        ),
        Stuck::Blocked(blocker) => (
            format!("the account {user} waits for a person: {blocker}"),
            blocker.cure(user),
        ),
        Stuck::WayBroken(said) => (
            format!("access tokens do not arrive at the homeserver ({said}): something on the way removes them"),
            "see that every proxy between this bot and the homeserver passes the `Authorization` header on".to_owned(),
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

/// Why only the operator can help where a call was refused for this.
pub(super) fn stuck_by(blocker: &Blocker) -> Stuck {
    match blocker {
        Blocker::Account(bar) => Stuck::Barred(*bar),
        blocker => Stuck::Blocked(blocker.clone()),
    }
}
