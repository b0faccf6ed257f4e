//! The secrets that somebody has told of, and where they stand in a text.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Range,
    sync::Arc,
};

use aho_corasick::AhoCorasick;

use super::{Leak, SHORTEST, shape};

/// The known secrets by their text.
#[derive(Default)]
pub(super) struct Known {
    secrets: BTreeMap<String, Leak>,
    /// Looks for them all at once: texts are searched far more often than a secret becomes known.
    search: Option<Arc<Search>>,
}

impl Known {
    /// Adds one; the first label of a secret stays.
    pub(super) fn add(&mut self, secret: &str, leak: Leak) {
        if secret.len() >= SHORTEST && !self.secrets.contains_key(secret) {
            self.secrets.insert(secret.to_owned(), leak);
            self.search = None;
        }
    }

    pub(super) fn leaks(&self) -> impl Iterator<Item = &Leak> {
        self.secrets.values()
    }

    pub(super) fn len(&self) -> usize {
        self.secrets.len()
    }

    /// What looks for all that is known now.
    pub(super) fn search(&mut self) -> Arc<Search> {
        let search = || Arc::new(Search::of(&self.secrets));
        Arc::clone(self.search.get_or_insert_with(search))
    }
}

/// A search for certain secrets, in every form in which they may stand.
pub(super) struct Search {
    /// Absent where there are more secrets than can be looked for at once, which no world has.
    automaton: Option<AhoCorasick>,
    leaks: Vec<Leak>,
    /// For each form that is looked for, whose it is.
    owners: Vec<usize>,
}

/// The secrets in a text.
pub(super) struct Found {
    pub(super) leaks: Vec<Leak>,
    /// Where they stand: in order, and apart from each other.
    pub(super) places: Vec<Range<usize>>,
}

impl Search {
    fn of(secrets: &BTreeMap<String, Leak>) -> Self {
        let mut wanted = Vec::new();
        let mut owners = Vec::new();
        for (owner, secret) in secrets.keys().enumerate() {
            let forms = forms(secret);
            owners.extend(forms.iter().map(|_| owner));
            wanted.extend(forms);
        }
        Self {
            automaton: AhoCorasick::new(wanted).ok(),
            leaks: secrets.values().cloned().collect(),
            owners,
        }
    }

    /// Those that stand in a text, and what is none of them but looks like one.
    pub(super) fn run(&self, text: &str) -> Found {
        let (mut owners, mut places) = (BTreeSet::new(), Vec::new());
        for found in self.automaton.iter().flat_map(|all| all.find_overlapping_iter(text)) {
            owners.insert(self.owners[found.pattern().as_usize()]);
            places.push(found.range());
        }
        let known = joined(places);
        let mut leaks: Vec<Leak> = owners.into_iter().map(|owner| self.leaks[owner].clone()).collect();
        let shapes = shape::found(text);
        // What is known is told by its own name alone.
        let unknown = shapes
            .iter()
            .filter(|(range, _)| !known.iter().any(|place| meet(place, range)));
        leaks.extend(unknown.map(|(_, label)| Leak::of_shape(label)));
        let shapes = shapes.into_iter().map(|(range, _)| range);
        let places = joined(known.into_iter().chain(shapes).collect());
        Found { leaks, places }
    }
}

fn meet(one: &Range<usize>, other: &Range<usize>) -> bool {
    one.start < other.end && other.start < one.end
}

/// The places in order, those that overlap as one: nothing of a secret is left beside another that it shares letters with.
fn joined(mut places: Vec<Range<usize>>) -> Vec<Range<usize>> {
    places.sort_by_key(|place| place.start);
    let mut apart: Vec<Range<usize>> = Vec::new();
    for place in places {
        match apart.last_mut() {
            Some(last) if place.start < last.end => last.end = last.end.max(place.end),
            _ => apart.push(place),
        }
    }
    apart
}

/// The forms in which a secret may stand: as it is, in a URL, in JSON, or (a recovery key, which is written in groups of letters) in one
/// piece.
fn forms(secret: &str) -> BTreeSet<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let json = serde_json::Value::from(secret).to_string();
    let forms = [
        secret.to_owned(),
        encoded.replace('+', "%20"),
        encoded,
        json.trim_matches('"').to_owned(),
        secret.split_whitespace().collect(),
    ];
    forms.into_iter().filter(|form| form.len() >= SHORTEST).collect()
}
