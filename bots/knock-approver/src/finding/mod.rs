//! What was looked at, and how it is: a line of `doctor`'s report, and what `/ready` says of it.

use std::fmt;

use matrix_sdk::ruma::{RoomId, UserId};
use serde_json::{Value, json};

use crate::{config::Role, health::Degraded};

/// How good or bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// As it should be.
    Well,
    /// It works, but something is weaker than it could be.
    Weak,
    /// It does not work.
    Broken,
}

/// What was looked at, what was seen, and what cures it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    standing: Standing,
    what: String,
    seen: String,
    cure: Option<String>,
}

impl Finding {
    pub(crate) fn well(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            standing: Standing::Well,
            what: what.into(),
            seen: seen.into(),
            cure: None,
        }
    }

    pub(crate) fn weak(what: impl Into<String>, seen: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            standing: Standing::Weak,
            cure: Some(cure.into()),
            ..Self::well(what, seen)
        }
    }

    pub(crate) fn broken(what: impl Into<String>, seen: impl Into<String>, cure: impl Into<String>) -> Self {
        Self {
            standing: Standing::Broken,
            ..Self::weak(what, seen, cure)
        }
    }

    /// How good or bad it is.
    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// For programs.
    pub(crate) fn told(&self) -> Value {
        let mut told = json!({ "standing": self.standing.word(), "what": self.what, "seen": self.seen });
        if let Some(cure) = &self.cure {
            told["cure"] = cure.as_str().into();
        }
        told
    }

    /// As `/ready` says it; `None` where all is well.
    pub(crate) fn complaint(&self) -> Option<Degraded> {
        let cure = self.cure.clone()?;
        let what = format!("{}: {}", self.what, self.seen);
        Some(Degraded { what, cure })
    }
}

/// What is said, wherever it is noticed, of an account that has not the power for something in a room.
pub(crate) fn lacks_power(
    user: &UserId,
    verb: &str,
    needed: impl fmt::Display,
    room: &RoomId,
    has: impl fmt::Display,
) -> Degraded {
    Degraded {
        what: format!("{user} may not {verb} (level {needed}) in {room}: it has {has}"),
        cure: format!("raise the power of {user} in {room} to {needed}"),
    }
}

/// The name of what belongs to one identity.
pub(crate) fn of(role: Role, what: &str) -> String {
    format!("{what} of the {role}")
}

impl Standing {
    /// The word for it.
    const fn word(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Weak => "weak",
            Self::Broken => "broken",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.standing.word();
        write!(f, "{word:<6} {}: {}", self.what, self.seen)?;
        match &self.cure {
            Some(cure) => write!(f, "; cure: {cure}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Finding;

    #[test]
    fn a_finding_is_one_line_with_its_cure() {
        let finding = Finding::broken("password of the approver", "there is no file", "write it");
        assert_eq!(
            finding.to_string(),
            "broken password of the approver: there is no file; cure: write it"
        );
        assert_eq!(
            Finding::well("homeserver", "answers").to_string(),
            "ok     homeserver: answers"
        );
    }
}
