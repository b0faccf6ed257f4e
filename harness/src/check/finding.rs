use serde::{Deserialize, Serialize};

/// What a check made of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// What must hold does.
    Holds,
    /// It does not.
    Broken,
    /// This history cannot show it. Never counted as passed.
    NotApplicable,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The check's name.
    pub check: String,
    /// Whether what must hold does.
    pub verdict: Verdict,
    /// What shows it; or why it cannot be shown.
    pub evidence: String,
}

impl Finding {
    fn new(check: &str, verdict: Verdict, evidence: impl Into<String>) -> Self {
        Self {
            check: check.to_owned(),
            verdict,
            evidence: evidence.into(),
        }
    }

    /// It holds, as this shows.
    pub fn holds(check: &str, evidence: impl Into<String>) -> Self {
        Self::new(check, Verdict::Holds, evidence)
    }

    /// It does not.
    pub fn broken(check: &str, evidence: impl Into<String>) -> Self {
        Self::new(check, Verdict::Broken, evidence)
    }

    /// It cannot be shown, because of this: `not applicable, because nothing was broken`.
    pub fn not_applicable(check: &str, because: &str) -> Self {
        Self::new(
            check,
            Verdict::NotApplicable,
            format!("not applicable, because {because}"),
        )
    }

    /// Broken by these, or it holds.
    pub fn of(check: &str, broken: &[String], holds: impl Into<String>) -> Self {
        if broken.is_empty() {
            Self::holds(check, holds)
        } else {
            Self::broken(check, broken.join("; "))
        }
    }

    /// Whether what must hold does not.
    pub fn is_broken(&self) -> bool {
        self.verdict == Verdict::Broken
    }
}
