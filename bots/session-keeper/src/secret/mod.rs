//! Text that must never be shown.

use std::fmt;

/// The log filter to start from. The SDK's own log is kept to warnings, and its HTTP client's off: it shows requests,
/// and errors that are none (an absent account datum is a 404).
pub const LOG_FILTER: &str = "info,matrix_sdk=warn,matrix_sdk_base=warn,matrix_sdk_crypto=warn,matrix_sdk_sqlite=warn,\
                              matrix_sdk::http_client=off,hyper=warn,reqwest=warn";

/// A token, password or key. `Debug` shows only that it is there; there is no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The secret itself: for the request or file that needs it, never for a message.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}
