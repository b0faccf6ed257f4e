//! Text that must never be shown.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};

/// The log filter to start from. The SDK's own log is kept to warnings, and its HTTP client's off: it shows requests,
/// and errors that are none (an absent account datum is a 404).
pub const LOG_FILTER: &str = "info,matrix_sdk=warn,matrix_sdk_base=warn,matrix_sdk_crypto=warn,matrix_sdk_sqlite=warn,\
                              matrix_sdk::http_client=off,hyper=warn,reqwest=warn";

/// A token, password or key. `Debug` shows only that it is there; there is no `Display`. Its memory is wiped when it goes.
#[derive(Clone, Default)]
pub struct Secret(SecretString);

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Secret {}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The secret itself: for the request or file that needs it, never for a message.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

/// No access token is nearly as long, and no server takes headers that are much longer.
const TOKEN_MOST: usize = 4096;

/// Why a text cannot be an access token that a request carries, without showing any of it. Tokens are opaque, but a
/// header has no place for some characters, and others come from quoting that nobody took off.
pub fn token_problem(token: &Secret) -> Option<&'static str> {
    let token = token.expose();
    let quote = |c: char| matches!(c, '"' | '\'' | '`');
    if token.is_empty() {
        Some("it is empty")
    } else if token.len() > TOKEN_MOST {
        Some("it is longer than any access token")
    } else if token.chars().any(|c| matches!(c, '\n' | '\r')) {
        Some("it has a line break in it")
    } else if token.chars().any(char::is_control) {
        Some("it has control characters in it")
    } else if !token.is_ascii() {
        Some("it has characters in it that are not ASCII")
    } else if token.starts_with(quote) || token.ends_with(quote) {
        Some("it has quotes around it")
    } else if token.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("bearer")) && token.contains([' ', ':']) {
        Some("it has `Bearer` in front of it")
    } else if token.contains(' ') {
        Some("it has white space in it")
    } else {
        None
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("syt_YWJj_d-e.f~g+h/i=j_1a2B3c", None)]
    #[case("bearer_of_news", None)]
    #[case("", Some("empty"))]
    #[case("syt_a\nsyt_b", Some("line break"))]
    #[case("syt_a\r\n", Some("line break"))]
    #[case("syt\u{0}a", Some("control"))]
    #[case("syt\ta", Some("control"))]
    #[case("syt\u{7f}a", Some("control"))]
    #[case("syt_\u{e4}", Some("not ASCII"))]
    #[case("\u{feff}syt_a", Some("not ASCII"))]
    #[case("\u{201c}syt_a\u{201d}", Some("not ASCII"))]
    #[case("\"syt_a\"", Some("quotes"))]
    #[case("'syt_a'", Some("quotes"))]
    #[case("syt_a\"", Some("quotes"))]
    #[case("Bearer syt_a", Some("Bearer"))]
    #[case("bearer: syt_a", Some("Bearer"))]
    #[case("syt_a syt_b", Some("white space"))]
    #[case(" syt_a", Some("white space"))]
    fn a_token_is_usable_or_not(#[case] token: &str, #[case] problem: Option<&str>) {
        let found = token_problem(&Secret::new(token));
        assert_eq!(found.is_some(), problem.is_some(), "{found:?}");
        assert!(
            problem.is_none_or(|problem| found.unwrap().contains(problem)),
            "{found:?}"
        );
    }

    #[rstest]
    #[case(4096, false)]
    #[case(4097, true)]
    #[case(20_000, true)]
    fn a_token_has_a_bounded_length(#[case] bytes: usize, #[case] too_long: bool) {
        let problem = token_problem(&Secret::new("t".repeat(bytes)));
        assert_eq!(
            problem.is_some_and(|problem| problem.contains("longer")),
            too_long,
            "{problem:?}"
        );
        assert_eq!(problem.is_some(), too_long);
    }

    #[test]
    fn secrets_are_equal_as_their_texts_are() {
        assert_eq!(Secret::new("a"), Secret::new("a".to_owned()));
        assert_ne!(Secret::new("a"), Secret::new("b"));
    }

    #[test]
    fn a_secret_is_read_from_text() {
        let read = serde_json::from_str::<Secret>("\"hidden\"").unwrap();
        assert_eq!(read, Secret::new("hidden"));
    }

    #[test]
    fn a_secret_shows_only_that_it_is_there() {
        assert_eq!(format!("{:?}", Some(Secret::new("hidden"))), "Some(Secret(***))");
    }

    proptest! {
        #[test]
        fn whatever_a_header_will_not_carry_is_noticed(token in "\\PC{0,12}|[\u{0}-\u{ff}]{0,12}") {
            let fits = http::HeaderValue::try_from(format!("Bearer {token}")).is_ok();
            prop_assert!(fits || token_problem(&Secret::new(token)).is_some());
        }
    }
}
