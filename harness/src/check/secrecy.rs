//! No secret where anybody but the bot can read it.

use std::collections::BTreeSet;

use super::{Check, Evidence, Finding, judge::check};
use crate::{front_door::Upstream, history::Event, secrets::Leak};

const SECRETS: &str = "no-secret-shown";

pub(super) fn checks() -> [Check; 1] {
    [check(
        SECRETS,
        "no secret in a log, a room, an answer, a URL, or a file outside the bot's data",
        &[],
        secrets,
    )]
}

fn secrets(evidence: &Evidence) -> Finding {
    let known = evidence.record.outputs().map(|output| output.secrets).max();
    let Some(known) = known.filter(|known| *known > 0) else {
        return Finding::broken(SECRETS, "nothing was searched for any secret");
    };
    let mut broken = BTreeSet::new();
    let mut looked = 0;
    let mut places = BTreeSet::new();
    for event in evidence.record.events() {
        let (place, bytes, leaks) = match event {
            Event::Line { text, leaks } => ("the bot's log", text.len(), leaks),
            Event::Ready { said, leaks } => ("what it says of itself", said.body.to_string().len(), leaks),
            Event::Output(output) => (output.name.as_str(), output.bytes, &output.leaks),
            _ => continue,
        };
        looked += bytes;
        places.insert(place.to_owned());
        broken.extend(leaks.iter().map(|leak| said(place, leak)));
    }
    for exchange in &evidence.exchanges {
        let (place, is_answer) = match exchange.upstream {
            Upstream::Bot => ("its answer to", true),
            Upstream::Homeserver => ("its request", false),
        };
        let place = format!("{place} {} {}", exchange.method, exchange.path);
        // Who signs up is given a session of their own, and nobody else's.
        let is_own = |leak: &&Leak| is_answer && leak.owner.as_deref().is_some_and(|owner| evidence.is_newcomer(owner));
        let leaks = exchange.leaks.iter().filter(|leak| !is_own(leak));
        broken.extend(leaks.map(|leak| said(&place, leak)));
    }
    let broken: Vec<String> = broken.into_iter().collect();
    Finding::of(
        SECRETS,
        &broken,
        format!(
            "{known} secrets, none in {looked} bytes of {} places and {} exchanges",
            places.len(),
            evidence.exchanges.len()
        ),
    )
}

fn said(place: &str, leak: &Leak) -> String {
    format!("{place} holds the {}", leak.what)
}
