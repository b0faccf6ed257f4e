use std::{io, path::PathBuf};

/// Why a contract cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read the contract {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// What stands in it is no contract: it is no TOML, a key is unknown or missing, a value is of another kind than it must be.
    #[error("line {line} of the contract, `{text}`: {problem}")]
    Line {
        /// The number of the line, from 1.
        line: usize,
        /// What stands there.
        text: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
    /// Each value could be right, but they do not go together.
    #[error("{key} in the contract: {problem}")]
    Key {
        /// The key, with those above it.
        key: String,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
}

impl Error {
    pub(super) fn key(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Key {
            key: key.into(),
            problem: problem.into(),
        }
    }

    /// What TOML's own error says, without its drawing of the line.
    pub(super) fn line(input: &str, error: &toml::de::Error) -> Self {
        let at = error.span().map_or(0, |span| span.start.min(input.len()));
        let before = input.get(..at).unwrap_or_default();
        let line = before.matches('\n').count();
        Self::Line {
            line: line + 1,
            text: input.lines().nth(line).unwrap_or_default().trim().to_owned(),
            problem: error.message().to_owned(),
        }
    }
}
