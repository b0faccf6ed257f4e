/// The endpoints could not be asked; what a homeserver answered to a case is never an error.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// A request did not get any answer.
    #[error("no answer to {request}: {source}")]
    NoAnswer {
        /// Method and path.
        request: String,
        /// What the client saw.
        source: reqwest::Error,
    },
    /// Something uses a name that nothing has saved.
    #[error("{endpoint}: nothing is known as {{{name}}}")]
    Unknown {
        /// The endpoint.
        endpoint: String,
        /// The name in braces.
        name: String,
    },
    /// What the cases stand on could not be made.
    #[error("{what} could not be made: {status} {body}")]
    Refused {
        /// What was to be made.
        what: String,
        /// The HTTP status.
        status: u16,
        /// The answer, cut.
        body: String,
    },
}
