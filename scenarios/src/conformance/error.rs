use std::path::PathBuf;

/// The probe could not be carried out; what a homeserver answered is never an error.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request did not get any answer.
    #[error("step {step}: no answer to {request}: {source}")]
    NoAnswer {
        /// The step.
        step: &'static str,
        /// Method and path.
        request: String,
        /// What the client saw.
        source: reqwest::Error,
    },
    /// A step uses a name that no earlier step saved.
    #[error("step {step}: nothing is known as {{{name}}}; an earlier step did not get what it should have saved")]
    Unknown {
        /// The step.
        step: &'static str,
        /// The name in braces.
        name: String,
    },
    /// What was waited for did not come.
    #[error("step {step}: waited in vain for {what}; the last sync brought {last}")]
    NotSeen {
        /// The step.
        step: &'static str,
        /// What was waited for.
        what: String,
        /// The last answer, cut.
        last: String,
    },
    /// The operator's interface failed.
    #[error("step {step}: {source}")]
    Operator {
        /// The step.
        step: &'static str,
        /// What the interface said.
        source: Box<harness::homeserver::Error>,
    },
    /// A recording cannot be read or written.
    #[error("{path}: {problem}")]
    Recording {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}
