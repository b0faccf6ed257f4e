//! What the operator is told.

use std::path::PathBuf;

use matrix_sdk::ruma::UserId;

use crate::{
    config::Wording,
    healing::{AccountBlock, Blocker, HealBlocker},
};

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

/// The complaint for `heal_blocker`. `user` is who is to be logged in, `file` where the password is written.
#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn complaint(
    heal_blocker: &HealBlocker,
    user: &str,
    file: &str,
    files: &Files,
    wording: &Wording,
) -> Complaint {
    let program = &wording.program;
    let (why, next_step) = match heal_blocker {
        HealBlocker::NoPassword { wrong_user } => (
            no_password(wrong_user.as_deref(), user, file, files),
            format!("write the password of {user} into {file}; it is tried the moment it is there"),
        ),
        HealBlocker::PasswordRefused(words) => (
            format!(
                "the homeserver refuses the password of {user}{}",
                words.as_ref().map_or_else(String::new, |words| format!(" ({words})"))
            ),
            format!(
                "write the right password of {user} into {file}, or reset the account's password to the one in it and \
                 touch the file; where the answer says that logins are disabled, enable them for {user}"
            ),
        ),
        HealBlocker::WrongUser(other) => (
            format!("logging in as {user} gave {other}"),
            format!(
                "{} to the one whose password is in {file}, or correct {file}",
                wording.set_user
            ),
        ),
        HealBlocker::AccountBlocked(AccountBlock::Deactivated) => (
            format!("the account {user} is deactivated"),
            format!("reactivate {user} on the homeserver and write its new password into {file}"),
        ),
        HealBlocker::AccountBlocked(block) => {
            let blocker = Blocker::Account(*block);
            let why = blocker
                .to_string()
                .replacen("the account", &format!("the account {user}"), 1);
            (why, blocker.cure(user))
        }
        HealBlocker::NoPasswordLogin(flows) => (
            format!(
                "no access token is alive, and this homeserver {}",
                match flows.as_slice() {
                    [] => "has no way to log in".to_owned(),
                    flows => format!("takes no passwords, only {}", flows.join(", ")),
                }
            ),
            format!(
                "give {program} an access token of {user} that belongs to a device of its own, or have the homeserver \
                 take passwords (m.login.password) for {user}; that is noticed by itself"
            ),
        ),
        HealBlocker::LoginRefused(said) => (
            format!("the homeserver refuses the login of {user} on any device ({said})"),
            format!("see in the homeserver's log why it refuses the login of {user}, then touch {file}"),
        ),
        HealBlocker::AccountWaits(blocker) => (
            format!("the account {user} waits for a person: {blocker}"),
            blocker.cure(user),
        ),
        HealBlocker::WayBroken(said) => (
            format!("access tokens do not arrive at the homeserver ({said}): something on the way removes them"),
            format!("see that every proxy between {program} and the homeserver passes the `Authorization` header on"),
        ),
        HealBlocker::Contested => (
            format!("fresh tokens of {user} die within seconds: somebody else logs in on the same device"),
            format!(
                "stop the other program that runs as {user} (another copy of {program}, with a copy of its data?), then \
                 touch {file}"
            ),
        ),
    };
    Complaint { why, next_step }
}

/// Everything that is known of why there is neither token nor password.
fn no_password(wrong_user: Option<&UserId>, user: &str, file: &str, files: &Files) -> String {
    let token = wrong_user.map_or_else(
        || "no access token is alive".to_owned(),
        |other| format!("the access token is {other}'s, not {user}'s"),
    );
    let mut why = match &files.password_problem {
        Some(problem) => format!("{token}, and the password in {file} cannot be used: {problem}"),
        None => format!("{token}, and there is no password in {file}"),
    };
    for unusable in &files.unusable_tokens {
        why.push_str("; ");
        why.push_str(unusable);
    }
    if let Some(aside) = &files.session_aside {
        why.push_str(&format!("; a damaged session file lies in {}", aside.display()));
    }
    why
}

/// Why only the operator can help where a call was refused for this.
pub(super) fn blocker_of(blocker: &Blocker) -> HealBlocker {
    match blocker {
        Blocker::Account(block) => HealBlocker::AccountBlocked(*block),
        blocker => HealBlocker::AccountWaits(blocker.clone()),
    }
}
