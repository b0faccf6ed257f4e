//! Secrets that nobody has told of, known by how they look.

use std::{ops::Range, sync::LazyLock};

use regex::Regex;

/// How secrets look, each with its label. Where a part of it is a group, that part is the secret.
const SHAPES: [(&str, &str); 5] = [
    (
        "what looks like a token of Synapse",
        r"(?-u)\bsy[trl]_[A-Za-z0-9+/=_-]+_[A-Za-z0-9]{20}_[A-Za-z0-9]{6}\b",
    ),
    (
        "what looks like a token of an authentication service",
        r"(?-u)\bm[acu][tr]_[A-Za-z0-9]{24,}(?:_[A-Za-z0-9]{4,8})?\b",
    ),
    (
        "what is sent as a token",
        r"(?i-u)\bbearer[ :=]+([A-Za-z0-9._~+/=-]{16,})",
    ),
    (
        "what is called a token",
        r#"(?-u)\b(?:access|refresh)_token\\*["']?\s*[=:]\s*\\*["']?([A-Za-z0-9._~+/=-]{16,})"#,
    ),
    (
        "what looks like a recovery key",
        r"(?-u)\bEs[A-Za-z0-9]{2}(?: [A-Za-z0-9]{4}){11}\b",
    ),
];

static COMPILED: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    let compiled = SHAPES
        .iter()
        .filter_map(|(label, shape)| Some((*label, Regex::new(shape).ok()?)));
    compiled.collect()
});

/// Where in a text they stand, each with its label.
pub(super) fn found(text: &str) -> Vec<(Range<usize>, &'static str)> {
    let mut found = Vec::new();
    // Most texts have none, which is quickly seen without asking where its parts are.
    for (label, shape) in COMPILED.iter().filter(|(_, shape)| shape.is_match(text)) {
        // Words have no digits, and what is drawn at random nearly always has.
        let secrets = shape
            .captures_iter(text)
            .filter_map(|captures| captures.get(1).or_else(|| captures.get(0)))
            .filter(|secret| secret.as_str().bytes().any(|byte| byte.is_ascii_digit()));
        found.extend(secrets.map(|secret| (secret.range(), *label)));
    }
    found
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[test]
    fn every_shape_is_one() {
        assert_eq!(COMPILED.len(), SHAPES.len());
    }

    #[rstest]
    #[case(
        concat!("retrying with syt", "_Ym90_aBcDeFgHiJkLmNoPqRsT_1a2B3c now"),
        concat!("syt", "_Ym90_aBcDeFgHiJkLmNoPqRsT_1a2B3c")
    )]
    #[case(
        "got mct_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123_x1Y2z3",
        "mct_aBcDeFgHiJkLmNoPqRsTuVwXyZ0123_x1Y2z3"
    )]
    #[case(
        "Authorization: Bearer hV7kq0aBcDeFgHiJkLmNoPqRsTuVwXyZ",
        "hV7kq0aBcDeFgHiJkLmNoPqRsTuVwXyZ"
    )]
    #[case(
        r#"{"access_token":"hV7kq0aBcDeFgHiJkLmNoPqRsTuVwXyZ"}"#,
        "hV7kq0aBcDeFgHiJkLmNoPqRsTuVwXyZ"
    )]
    #[case(
        r#"{\"access_token\": \"hV7kq0aBcDeFgHiJkLmNoPqRsTuVwXyZ\"}"#,
        "hV7kq0aBcDeFgHiJkLmNoPqRsTuVwXyZ"
    )]
    #[case(
        "GET /sync?access_token=hV7kq0aBcDeFgHiJkLmNoPqRsTuVwXyZ&x=1",
        "hV7kq0aBcDeFgHiJkLmNoPqRsTuVwXyZ"
    )]
    #[case(
        "key EsTc abcd EFGH 1234 abcd EFGH 1234 abcd EFGH 1234 abcd EFGH.",
        "EsTc abcd EFGH 1234 abcd EFGH 1234 abcd EFGH 1234 abcd EFGH"
    )]
    fn what_looks_like_a_secret_is_found(#[case] text: &str, #[case] secret: &str) {
        let ranges: Vec<Range<usize>> = found(text).into_iter().map(|(range, _)| range).collect();
        assert!(ranges.iter().any(|range| &text[range.clone()] == secret), "{ranges:?}");
    }

    #[rstest]
    #[case("syt_garbage_0000000000_000000")]
    #[case("{\"access_token\":\"•••\"}")]
    #[case("the access_token is dead: M_UNKNOWN_TOKEN")]
    #[case("Authorization: Bearer •••")]
    #[case("WWW-Authenticate: Bearer authentication-is-required")]
    #[case("$hV7kq0aBcDeFgHiJkLmNoPqRsTuVwXyZ is an event")]
    fn what_does_not_is_left_alone(#[case] text: &str) {
        assert_eq!(found(text), []);
    }
}
