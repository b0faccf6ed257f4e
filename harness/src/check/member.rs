//! What independently logged-in members see of the bot.

use std::collections::BTreeMap;

use super::{Check, Evidence, Finding, Need, judge::check};
use crate::history::Event;

const ROUND_TRIP: &str = "encrypted-round-trip";
const TRUST: &str = "trust";
const HISTORY: &str = "history-readable";

pub(super) fn checks() -> [Check; 3] {
    [
        check(
            ROUND_TRIP,
            "a member's new device is answered in an encrypted room, and can decrypt that",
            &[Need::Encryption],
            round_trip,
        ),
        check(
            TRUST,
            "the bot's device is signed by the bot's own cross-signing identity",
            &[Need::CrossSigning],
            trust,
        ),
        check(
            HISTORY,
            "what the bot could read before, its account can read with password and recovery key",
            &[Need::Backup],
            history,
        ),
    ]
}

/// What the last talk with each account shows; that nobody asked the bot anything is a failure.
fn round_trip(evidence: &Evidence) -> Finding {
    let talks = evidence.record.events().filter_map(|event| match event {
        Event::RoundTrip { user, expected, answer } => Some((user, answered(expected, answer))),
        Event::Heard { user, heard } => Some((user, heard.clone().map(|()| "heard what was said".to_owned()))),
        _ => None,
    });
    let last: BTreeMap<_, _> = talks.collect();
    let asked = |event: &Event| matches!(event, Event::RoundTrip { .. });
    if !evidence.record.events().any(asked) {
        return Finding::broken(ROUND_TRIP, "nobody asked the bot anything");
    }
    of_each(ROUND_TRIP, last)
}

/// What an answer shows, or what is wrong with it.
fn answered(expected: &[String], answer: &Result<(bool, String), String>) -> Result<String, String> {
    match answer {
        Ok((false, body)) => Err(format!("the answer came in cleartext: {body:?}")),
        Ok((true, body)) if !expected.iter().any(|word| body.contains(word)) => {
            Err(format!("the answer holds none of {expected:?}: {body:?}"))
        }
        Ok((true, body)) => Ok(format!("decrypted {:?}", body.lines().next().unwrap_or_default())),
        Err(error) => Err(error.clone()),
    }
}

/// What was found out about each account.
fn of_each(check: &str, found: BTreeMap<&String, Result<String, String>>) -> Finding {
    let (mut right, mut broken) = (Vec::new(), Vec::new());
    for (user, found) in found {
        match found {
            Ok(what) => right.push(format!("{user}: {what}")),
            Err(what) => broken.push(format!("{user}: {what}")),
        }
    }
    Finding::of(check, &broken, right.join(", "))
}

/// What the last look at each account's device shows.
fn trust(evidence: &Evidence) -> Finding {
    let looks = evidence.record.events().filter_map(|event| match event {
        Event::Trust { user, device, trust } => Some((user, (device, trust))),
        _ => None,
    });
    let last: BTreeMap<_, _> = looks.collect();
    if last.is_empty() {
        return Finding::broken(TRUST, "nobody looked at the bot's device");
    }
    let (mut signed, mut broken) = (Vec::new(), Vec::new());
    for (user, (device, trust)) in last {
        match trust.as_deref() {
            Ok("signed") => signed.push(format!("{device} of {user} is signed")),
            Ok(trust) => broken.push(format!("{device} of {user} is {trust}")),
            Err(error) => broken.push(error.clone()),
        }
    }
    Finding::of(TRUST, &broken, signed.join(", "))
}

fn history(evidence: &Evidence) -> Finding {
    let looks: BTreeMap<_, _> = evidence.record.events().filter_map(readable).collect();
    if looks.is_empty() {
        // A bot that has never run before a fault has read nothing that could be lost.
        return Finding::not_applicable(HISTORY, "nothing was said before that could be looked for");
    }
    of_each(HISTORY, looks)
}

/// What one look at an account's history shows.
pub(super) fn looked(event: &Event) -> Option<Finding> {
    readable(event).map(|(user, read)| of_each(HISTORY, [(user, read)].into()))
}

fn readable(event: &Event) -> Option<(&String, Result<String, String>)> {
    let Event::Readable { user, wanted, read } = event else {
        return None;
    };
    let read = match read {
        Ok(_) if *wanted == 0 => Err("no message was named that could be read".to_owned()),
        Ok(read) if read < wanted => Err(format!("only {read} of {wanted} messages can be read")),
        Ok(read) => Ok(format!("{read} messages read from the key backup")),
        Err(error) => Err(error.clone()),
    };
    Some((user, read))
}
