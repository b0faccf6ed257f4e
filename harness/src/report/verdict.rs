//! How a drill ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How a drill ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Verdict {
    /// Every step passed and everything held that has to hold afterwards.
    Passed,
    /// Something did not; the first thing that went wrong.
    Failed {
        /// What went wrong first.
        why: String,
    },
    /// The homeserver at hand cannot show this; says nothing about the bot.
    NotRun {
        /// What is missing.
        why: String,
    },
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Passed => f.write_str("passed"),
            Self::Failed { why } => write!(f, "FAILED: {why}"),
            Self::NotRun { why } => write!(f, "not run: {why}"),
        }
    }
}
