//! Every secret that a world knows: what must never stand in a log, and is masked in the harness's own records.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// What stands in place of a secret.
pub const MASK: &str = "•••";

/// Shorter texts are not taken: masking them would mangle every record.
const SHORTEST: usize = 8;

/// The secrets of one world. Cheap to clone; all clones are the same set.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<BTreeMap<String, String>>>);

impl Secrets {
    /// Adds a secret under a label that is not one, for example `password of @a:hs`.
    pub fn add(&self, label: impl Into<String>, secret: impl Into<String>) {
        let secret = secret.into();
        let secret = secret.trim();
        if secret.len() >= SHORTEST {
            self.known().entry(secret.to_owned()).or_insert_with(|| label.into());
        }
    }

    /// The labels of all secrets that stand in a text.
    pub fn found_in(&self, text: &str) -> Vec<String> {
        let known = self.known();
        known
            .iter()
            .filter(|(secret, _)| text.contains(secret.as_str()))
            .map(|(_, label)| label.clone())
            .collect()
    }

    /// The text with every known secret masked.
    pub fn mask(&self, text: &str) -> String {
        self.known().keys().fold(text.to_owned(), |masked, secret| {
            if masked.contains(secret.as_str()) {
                masked.replace(secret.as_str(), MASK)
            } else {
                masked
            }
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.known().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.known().is_empty()
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.known().values()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_found_by_its_label_and_masked() {
        let secrets = Secrets::default();
        secrets.add("password of a", " correct horse \n");
        assert_eq!(secrets.found_in("log: correct horse!"), ["password of a"]);
        assert_eq!(secrets.mask("log: correct horse!"), format!("log: {MASK}!"));
        assert!(secrets.found_in("nothing here").is_empty());
    }

    #[test]
    fn the_debug_output_shows_labels_only() {
        let secrets = Secrets::default();
        secrets.add("token of a", "syt_abcdefgh");
        assert_eq!(format!("{secrets:?}"), r#"{"token of a"}"#);
    }

    #[test]
    fn a_text_too_short_to_be_a_secret_is_not_taken() {
        let secrets = Secrets::default();
        secrets.add("empty token", "");
        secrets.add("code", "abc");
        assert!(secrets.is_empty());
    }
}
