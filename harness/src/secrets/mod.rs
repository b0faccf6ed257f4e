//! Every secret that a world knows: what must never stand where others than the bot can read, and is masked in the harness's own records.

mod folder;
mod handed;
mod known;
mod shape;

pub use folder::in_folder;
pub use handed::Origin;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use known::{Found, Known};

/// What stands in place of a secret.
pub const MASK: &str = "•••";

/// Shorter texts are not taken: masking them would mangle every record.
const SHORTEST: usize = 8;

/// A secret that was found where it must not be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Leak {
    /// Its label.
    pub what: String,
    /// The user whose secret it is, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Whether the homeserver was handed it by those who may: its own log may hold it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub given: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
const fn is_false(is: &bool) -> bool {
    !*is
}

impl Leak {
    /// What nobody has told of, and looks like a secret.
    fn of_shape(label: &str) -> Self {
        Self {
            what: label.to_owned(),
            owner: None,
            given: false,
        }
    }
}

/// The secrets of one world. Cheap to clone; all clones are the same set.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    known: Known,
    handed: handed::Handed,
}

impl Secrets {
    /// Adds a secret under a label that is not one, for example `password of @a:hs`.
    pub fn add(&self, label: impl Into<String>, secret: impl Into<String>) {
        self.put(label.into(), None, false, &secret.into());
    }

    /// The same, of what the homeserver is handed by those who may: a password that is set there.
    pub fn add_given(&self, label: impl Into<String>, secret: impl Into<String>) {
        self.put(label.into(), None, true, &secret.into());
    }

    /// The same, of a user.
    pub fn add_of(&self, owner: &str, label: impl Into<String>, secret: impl Into<String>) {
        self.put(label.into(), Some(owner.to_owned()), false, &secret.into());
    }

    fn put(&self, what: String, owner: Option<String>, given: bool, secret: &str) {
        self.inner().known.add(secret.trim(), Leak { what, owner, given });
    }

    /// All secrets that stand in a text: those that are known, and whatever else looks like one.
    pub fn leaks(&self, text: &str) -> Vec<Leak> {
        self.find(text).leaks
    }

    /// The labels of all secrets that stand in a text.
    pub fn found_in(&self, text: &str) -> Vec<String> {
        self.leaks(text).into_iter().map(|leak| leak.what).collect()
    }

    /// The text with every secret masked: what is looked for is what is hidden.
    pub fn mask(&self, text: &str) -> String {
        self.leaks_masked(text).1
    }

    /// Both at once.
    pub(crate) fn leaks_masked(&self, text: &str) -> (Vec<Leak>, String) {
        let found = self.find(text);
        let mut masked = text.to_owned();
        // From the end, so that the places before stay where they are.
        for place in found.places.into_iter().rev() {
            masked.replace_range(place, MASK);
        }
        (found.leaks, masked)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.inner().known.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Notes how the bot came by a token (or by anything that it may take for one). The first way counts.
    pub fn hand(&self, token: &str, origin: Origin) {
        self.inner().handed.hand(token, origin);
    }

    /// How the bot came by a token; nothing where it never did.
    pub fn origin(&self, token: &str) -> Option<Origin> {
        self.inner().handed.origin(token)
    }

    /// A name for a token by which it can be told from others and not be used: `t1`, `t2`, ….
    pub fn name_token(&self, token: &str) -> String {
        self.inner().handed.name(token)
    }

    /// The lock is not held while a text is searched.
    fn find(&self, text: &str) -> Found {
        let search = self.inner().known.search();
        search.run(text)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner();
        f.debug_set()
            .entries(inner.known.leaks().map(|leak| &leak.what))
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[test]
    fn a_secret_is_found_by_its_label_and_masked() {
        let secrets = Secrets::default();
        secrets.add("password of a", " correct horse \n");
        assert_eq!(secrets.found_in("log: correct horse!"), ["password of a"]);
        assert_eq!(secrets.mask("log: correct horse!"), format!("log: {MASK}!"));
        assert!(secrets.found_in("nothing here").is_empty());
    }

    #[rstest]
    #[case::in_a_query("?key=EsTc+abcd%2Fefgh")]
    #[case::in_a_path("/EsTc%20abcd%2Fefgh")]
    #[case::in_one_piece("EsTcabcd/efgh")]
    fn a_secret_is_found_and_masked_in_every_form(#[case] text: &str) {
        let secrets = Secrets::default();
        secrets.add("recovery key", "EsTc abcd/efgh");
        assert_eq!(secrets.found_in(text), ["recovery key"]);
        assert!(!secrets.mask(text).contains("abcd"), "{}", secrets.mask(text));
    }

    #[test]
    fn a_secret_in_json_is_found() {
        let secrets = Secrets::default();
        secrets.add("password", "say \"hello\" twice");
        let json = serde_json::json!({ "note": "say \"hello\" twice" }).to_string();
        assert_eq!(secrets.found_in(&json), ["password"]);
        assert!(!secrets.mask(&json).contains("hello"));
    }

    #[test]
    fn of_two_that_begin_alike_nothing_is_left_behind() {
        let secrets = Secrets::default();
        secrets.add("short", "syt_token_1");
        secrets.add("long", "syt_token_1_and_more");
        assert_eq!(secrets.mask("syt_token_1_and_more"), MASK);
    }

    #[test]
    fn of_two_that_share_letters_nothing_is_left_behind() {
        let secrets = Secrets::default();
        secrets.add("first", "abcdefgh-ij");
        secrets.add("second", "gh-ijklmnop");
        assert_eq!(secrets.mask("<abcdefgh-ijklmnop>"), format!("<{MASK}>"));
        assert_eq!(secrets.mask("abcdefgh-ijgh-ijklmnop"), format!("{MASK}{MASK}"));
    }

    #[test]
    fn a_secret_that_becomes_known_after_a_search_is_found_by_the_next() {
        let secrets = Secrets::default();
        assert!(secrets.found_in("correct horse").is_empty());
        secrets.add("password", "correct horse");
        assert_eq!(secrets.found_in("correct horse"), ["password"]);
    }

    #[test]
    fn the_debug_output_shows_labels_only() {
        let secrets = Secrets::default();
        secrets.add("token of a", "syt_abcdefgh");
        assert_eq!(format!("{secrets:?}"), r#"{"token of a"}"#);
    }

    #[test]
    fn what_only_looks_like_a_secret_is_found_and_masked_once() {
        let secrets = Secrets::default();
        let unknown = concat!("syt", "_Ym90_aBcDeFgHiJkLmNoPqRsT_1a2B3c");
        let text = format!("access_token={unknown} (Bearer {unknown})");
        assert!(!secrets.found_in(&text).is_empty());
        assert_eq!(secrets.mask(&text), format!("access_token={MASK} (Bearer {MASK})"));
        // One that is known is told by its own name alone.
        secrets.add("token of a", unknown);
        assert_eq!(secrets.found_in(&text), ["token of a"]);
        assert!(secrets.found_in(&secrets.mask(&text)).is_empty());
    }

    #[test]
    fn a_text_too_short_to_be_a_secret_is_not_taken() {
        let secrets = Secrets::default();
        secrets.add("empty token", "");
        secrets.add("code", "abc");
        assert!(secrets.is_empty());
    }
}
