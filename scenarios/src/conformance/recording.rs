//! What a homeserver answered, step by step.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Error;

/// One normalised answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Method and path, as asked, with names in place of ids.
    pub request: String,
    /// The HTTP status.
    pub status: u16,
    /// The part of the body that the step looks at, with names in place of ids, tokens and times, and keys in order.
    pub body: Value,
}

/// The answers of one area of the probe, by the step's name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recording {
    /// The answers that were given.
    pub answers: BTreeMap<String, Answer>,
    /// Why the probe ended before its last step, if it did.
    pub stopped: Option<String>,
}

impl Recording {
    /// Reads a recording written by [`Self::write`].
    ///
    /// # Errors
    ///
    /// When the file cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let problem = |problem: String| Error::Recording {
            path: path.to_owned(),
            problem,
        };
        let text = fs::read_to_string(path).map_err(|error| problem(error.to_string()))?;
        serde_json::from_str(&text).map_err(|error| problem(error.to_string()))
    }

    /// Writes the recording as JSON.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, path: &Path) -> Result<(), Error> {
        let problem = |problem: String| Error::Recording {
            path: path.to_owned(),
            problem,
        };
        let text = serde_json::to_string_pretty(self).map_err(|error| problem(error.to_string()))?;
        fs::write(path, text).map_err(|error| problem(error.to_string()))
    }
}
