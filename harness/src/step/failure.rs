//! Why a step failed.

use std::{error::Error, fmt};

use crate::cause::chain;

/// Why a step failed: what was expected, what was seen instead.
///
/// Made from any error by `?` (with the whole chain of its sources), or from a sentence by [`Failure::new`]. It is no
/// [`std::error::Error`] itself, because that conversion could not exist then.
#[derive(Clone, PartialEq, Eq)]
pub struct Failure(String);

impl Failure {
    /// A failure described by a sentence.
    pub fn new(what: impl Into<String>) -> Self {
        Self(what.into())
    }

    /// The same failure, with what was being done in front of it.
    #[must_use]
    pub fn while_doing(self, what: impl fmt::Display) -> Self {
        Self(format!("{what}: {}", self.0))
    }
}

impl<E: Error> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(chain(&error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fails with what `otherwise` says unless `holds`.
///
/// # Errors
/// The failure itself.
pub fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(Failure::new(otherwise())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not knock")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("403 M_FORBIDDEN")]
    struct Inner;

    #[test]
    fn a_failure_tells_the_whole_chain_of_causes() {
        assert_eq!(
            Failure::from(Outer(Inner)).to_string(),
            "could not knock: 403 M_FORBIDDEN"
        );
    }

    #[test]
    fn a_failure_says_what_was_being_done() {
        assert_eq!(
            Failure::new("no answer").while_doing("joining").to_string(),
            "joining: no answer"
        );
    }
}
