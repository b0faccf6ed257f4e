//! Why something went wrong, in one line.

use std::error::Error;

/// An error with all its causes: what stands on top is often only "error sending request", and the last one tells something.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Many repeat their cause in their own text.
        if !text.contains(&more) {
            text.push_str(": ");
            text.push_str(&more);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("could not knock")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("the door: {0}")]
    struct Middle(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("403 M_FORBIDDEN")]
    struct Inner;

    #[test]
    fn every_cause_is_told_once() {
        assert_eq!(
            chain(&Outer(Middle(Inner))),
            "could not knock: the door: 403 M_FORBIDDEN"
        );
    }
}
