//! Answers that lead elsewhere.

use url::Url;

use crate::healing::Answer;

/// A captive portal or a moved server must not be followed with a token in hand. Nor may the answer get through to the SDK,
/// which takes any status below 400 for a success: an invite that was redirected would count as done.
pub(super) fn not_followed(attempt: reqwest::redirect::Attempt<'_>) -> reqwest::redirect::Action {
    let redirected = Redirected {
        status: attempt.status().as_u16(),
        target: attempt.url().clone(),
    };
    attempt.error(redirected)
}

/// An answer that leads elsewhere. Its words do not hold the target, which may carry secrets.
#[derive(Debug, thiserror::Error)]
#[error("HTTP {status} leads elsewhere, which is not followed")]
pub(super) struct Redirected {
    pub(super) status: u16,
    pub(super) target: Url,
}

impl Redirected {
    /// What a request's error says of it.
    pub(super) fn of(error: &reqwest::Error) -> Option<&Self> {
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            if let Some(redirected) = error.downcast_ref() {
                return Some(redirected);
            }
            cause = error.source();
        }
        None
    }

    pub(super) fn answer(&self) -> Answer {
        Answer {
            status: self.status,
            location: Some(self.target.to_string()),
            ..Answer::default()
        }
    }
}
