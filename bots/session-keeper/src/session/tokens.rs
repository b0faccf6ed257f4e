//! The tokens that are at hand: which can be used, and whether they arrive.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::{Healer, Session};
use crate::{
    healing::{Answer, Asked, Class, Expected, Token, classify},
    secret::{Secret, token_problem},
    vault::Saved,
};

/// So long a new token that is called dead is left alone before it is asked about again.
const SETTLING: Duration = Duration::from_secs(1);

/// Where a token comes from, for the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Which {
    Saved,
    Given,
}

impl Healer {
    /// Something was asked successfully with the token in use: it did arrive.
    pub fn token_works(&mut self) {
        self.unproven = None;
    }

    /// Why tokens that are at hand are not used, one sentence each. Never shows them.
    pub fn unusable_tokens(&self) -> Vec<String> {
        let sentence = |(which, problem): (&Which, &&str)| match which {
            Which::Saved => format!("the saved access token cannot be used: {problem}"),
            Which::Given => format!("{} cannot be used: {problem}", self.given_token_name),
        };
        self.unusable.iter().map(sentence).collect()
    }

    /// The token, if a request can carry it.
    pub(super) fn usable(&mut self, which: Which, token: Option<Secret>) -> Option<Secret> {
        let token = token?;
        match token_problem(&token) {
            Some(problem) => {
                self.not_usable(which, problem);
                None
            }
            None => Some(token),
        }
    }

    fn not_usable(&mut self, which: Which, problem: &'static str) {
        if self.unusable.insert(which, problem) != Some(problem) {
            tracing::warn!(
                role = self.role().name(),
                ?which,
                problem,
                "an access token cannot be used"
            );
        }
    }

    /// A saved token was its user's when it was saved. So where the server names another, it is asked once more before a
    /// living session is given up for one wrong answer.
    pub(super) async fn whoami(
        &mut self,
        which: Token,
        token: &Secret,
        expected: &Expected,
        saved: Option<&Saved>,
    ) -> Class {
        let mut class = self.ask_whoami(token, expected).await;
        let known = which == Token::Saved && saved.is_some_and(|saved| saved.user.is_some());
        if known && matches!(class, Class::WrongUser { .. }) {
            class = self.ask_whoami(token, expected).await;
        }
        let device_known = which == Token::Saved && saved.is_some_and(|saved| saved.device.is_some());
        let which = match which {
            Token::Saved => Which::Saved,
            Token::Given => Which::Given,
        };
        match &class {
            Class::Alive { device: None, .. } if !device_known => self.not_usable(which, "it belongs to no device"),
            Class::Alive { .. } => {
                self.unusable.remove(&which);
            }
            Class::Other { .. } if which == Which::Given => {
                self.not_usable(which, "the homeserver does not say whose it is");
            }
            _ => {}
        }
        class
    }

    /// Whose token is it, and does it live? Where one that a login has just made is called dead, the same is asked without
    /// any token: where the answer is the same, tokens do not arrive, and no further login would help. Where it is not, the
    /// token is asked about once more: part of a homeserver may not know it yet.
    pub async fn ask_whoami(&mut self, token: &Secret, expected: &Expected) -> Class {
        let answer = self.server.ask_whoami(Some(token)).await;
        let mut class = classify(Asked::Whoami, expected, &answer);
        if class == Class::Dead && self.unproven.as_ref() == Some(token) {
            let without = self.server.ask_whoami(None).await;
            // Who says that none was sent would have said so of a token that does not arrive.
            if classify(Asked::Whoami, expected, &without) == Class::Dead && errcode(&answer) == errcode(&without) {
                return Class::WayBroken("a new token is answered like none".to_owned());
            }
            sleep(SETTLING).await;
            class = classify(Asked::Whoami, expected, &self.server.ask_whoami(Some(token)).await);
        }
        match &class {
            Class::Alive { .. } => {
                self.unproven = None;
                if std::mem::take(&mut self.seen_barred) {
                    self.bar_lifted();
                }
            }
            Class::AccountBlocked(_) | Class::Blocked(_) => self.seen_barred = true,
            _ => {}
        }
        class
    }
}

/// The error code of an answer; the rest of it may hold what is never the same twice.
fn errcode(answer: &Result<Answer, String>) -> Option<String> {
    let body: Value = serde_json::from_str(&answer.as_ref().ok()?.body).ok()?;
    body["errcode"].as_str().map(str::to_owned)
}

/// The session that an answer gives, if it gives one.
pub(super) fn session(class: &Class, token: Option<Secret>, saved: Option<&Saved>) -> Option<Session> {
    match class {
        Class::LoggedIn {
            user,
            device,
            token,
            refresh,
        } => Some(Session {
            user: user.clone(),
            device: device.clone(),
            token: token.clone(),
            refresh: refresh.clone(),
        }),
        Class::Refreshed { token, refresh } => {
            let saved = saved?;
            Some(Session {
                user: saved.user.clone()?,
                device: saved.device.clone()?,
                token: token.clone(),
                refresh: refresh.clone().or_else(|| saved.refresh.clone()),
            })
        }
        Class::Alive { user, device } => {
            let device = device
                .clone()
                .or_else(|| saved.and_then(|saved| saved.device.clone()))?;
            let token = token?;
            let of_it = saved.filter(|saved| saved.token.as_ref() == Some(&token));
            Some(Session {
                user: user.clone(),
                device,
                refresh: of_it.and_then(|saved| saved.refresh.clone()),
                token,
            })
        }
        _ => None,
    }
}
