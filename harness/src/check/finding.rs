use serde::Serialize;

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check's name.
    pub check: &'static str,
    /// Whether what must hold does.
    pub holds: bool,
    /// What shows it.
    pub evidence: String,
}

impl Finding {
    /// It holds, as this shows.
    pub fn holds(check: &'static str, evidence: impl Into<String>) -> Self {
        Self {
            check,
            holds: true,
            evidence: evidence.into(),
        }
    }

    /// It does not.
    pub fn broken(check: &'static str, evidence: impl Into<String>) -> Self {
        Self {
            check,
            holds: false,
            evidence: evidence.into(),
        }
    }

    /// Broken by these, or it holds.
    pub(super) fn of(check: &'static str, broken: &[String], holds: impl Into<String>) -> Self {
        if broken.is_empty() {
            Self::holds(check, holds)
        } else {
            Self::broken(check, broken.join("; "))
        }
    }
}
