//! Every client-server endpoint that `ruma` has a type for, with what a right request to it says.
//!
//! The order matters where an endpoint changes what a later one looks at.

use super::endpoint::Endpoint;

mod account;
mod events;
mod keys;
mod last;
mod membership;
mod others;
mod rooms;

/// All endpoints, in the order in which they are asked; those that end sessions and accounts come last.
pub fn endpoints() -> Vec<Endpoint> {
    [
        others::quiet(),
        rooms::endpoints(),
        events::endpoints(),
        membership::endpoints(),
        keys::endpoints(),
        others::endpoints(),
        account::endpoints(),
        last::endpoints(),
    ]
    .concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_endpoint_has_a_name_and_a_path_of_its_own() {
        let all = endpoints();
        let names: BTreeSet<_> = all.iter().map(Endpoint::name).collect();
        assert_eq!(names.len(), all.len());
        assert!(all.iter().all(|endpoint| endpoint.path.starts_with('/')));
        assert!(all.len() >= 150, "only {} endpoints", all.len());
    }

    #[test]
    fn names_are_fit_for_tests_and_files() {
        for endpoint in endpoints() {
            let fit = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(endpoint.name().chars().all(fit), "{}", endpoint.name());
        }
    }
}
