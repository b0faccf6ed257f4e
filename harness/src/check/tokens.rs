//! Every token that the bot used is its own.

use std::collections::BTreeMap;

use super::{Check, Evidence, Finding, judge::check};
use crate::{
    front_door::{Entrance, Exchange, Upstream},
    secrets::Origin,
};

const OWN: &str = "own-tokens";

pub(super) fn checks() -> [Check; 1] {
    [check(
        OWN,
        "no token is used that the bot was not handed, or that is somebody else's",
        &[],
        own,
    )]
}

fn own(evidence: &Evidence) -> Finding {
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    let mut broken = Vec::new();
    let of_bot = |exchange: &&Exchange| exchange.entrance == Entrance::Bot && exchange.upstream == Upstream::Homeserver;
    for exchange in evidence.exchanges.iter().filter(of_bot) {
        let Some(token) = &exchange.token else { continue };
        *used.entry(token).or_default() += 1;
        broken.extend(wrong(evidence, exchange).map(|why| format!("{why}: {}", exchange.line())));
    }
    if used.is_empty() {
        return Finding::broken(OWN, "it never used a token");
    }
    let requests: usize = used.values().sum();
    Finding::of(
        OWN,
        &broken,
        format!("{requests} requests with {} tokens, each its own", used.len()),
    )
}

/// What is wrong with a request of the bot's, if anything.
fn wrong(evidence: &Evidence, exchange: &Exchange) -> Option<String> {
    let asks_whose = exchange.path.ends_with("/account/whoami");
    let ends = exchange.path.ends_with("/logout");
    match (exchange.origin, &exchange.who) {
        (None, Some(who)) => Some(format!("it used a token of {} that it was never handed", who.user_id)),
        (None, None) => Some("it used a token that it was never handed".to_owned()),
        // What it was given may be asked about, whosever it is.
        (Some(_), _) if asks_whose => None,
        // Whose a token is that no answer ever named, nobody knows: it may be tried, as long as nothing comes of it.
        (Some(_), None) if exchange.status.is_none_or(|status| !(200..300).contains(&status)) => None,
        (Some(_), None) => Some("it acted with a token that nobody ever got for it".to_owned()),
        (Some(origin), Some(who)) => {
            let is_own = evidence.account(&who.user_id).is_some();
            // Who signs up is acted for with the session made for them, or with one that they gave.
            let is_served = evidence.is_newcomer(&who.user_id) || origin == Origin::Request;
            // A session that its own login made by mistake is ended, and that of nobody else.
            let is_undone = ends && origin == Origin::Answer;
            (!is_own && !is_served && !is_undone).then(|| format!("it acted as {}", who.user_id))
        }
    }
}
