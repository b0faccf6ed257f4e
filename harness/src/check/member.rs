//! What independently logged-in members see of the bot.

use std::collections::BTreeMap;

use super::{Check, Evidence, Finding, Need, judge::check};
use crate::history::{Event, Record};

const ROUND_TRIP: &str = "encrypted-round-trip";
const TRUST: &str = "trust";
const HISTORY: &str = "history-readable";

pub(super) fn checks() -> [Check; 3] {
    [
        check(
            ROUND_TRIP,
            "a member's new device is answered in an encrypted room, and can decrypt that",
            &[Need::Encryption],
            |evidence| {
                last(
                    &evidence.record,
                    round_trip,
                    ROUND_TRIP,
                    "nobody asked the bot anything",
                )
            },
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

/// What the last event of a kind shows; nobody having looked is a failure.
fn last(record: &Record, judge: fn(&Event) -> Option<Finding>, check: &str, unseen: &str) -> Finding {
    let found = record.events().rev().find_map(judge);
    found.unwrap_or_else(|| Finding::broken(check, unseen))
}

fn round_trip(event: &Event) -> Option<Finding> {
    let Event::RoundTrip { expected, answer } = event else {
        return None;
    };
    Some(match answer {
        Ok((false, body)) => Finding::broken(ROUND_TRIP, format!("the answer came in cleartext: {body:?}")),
        Ok((true, body)) if !expected.iter().any(|word| body.contains(word)) => {
            Finding::broken(ROUND_TRIP, format!("the answer holds none of {expected:?}: {body:?}"))
        }
        Ok((true, body)) => {
            let line = body.lines().next().unwrap_or_default();
            Finding::holds(ROUND_TRIP, format!("decrypted {line:?}"))
        }
        Err(error) => Finding::broken(ROUND_TRIP, error),
    })
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
    let looked = evidence.record.events().rev().find_map(readable);
    // A bot that has never run before a fault has read nothing that could be lost.
    looked.unwrap_or_else(|| Finding::not_applicable(HISTORY, "nothing was said before that could be looked for"))
}

/// What a look at the account's history shows.
pub(super) fn readable(event: &Event) -> Option<Finding> {
    let Event::Readable { wanted, read } = event else {
        return None;
    };
    Some(match read {
        Ok(_) if *wanted == 0 => Finding::broken(HISTORY, "no message was named that could be read"),
        Ok(read) if read < wanted => Finding::broken(HISTORY, format!("only {read} of {wanted} messages can be read")),
        Ok(read) => Finding::holds(HISTORY, format!("{read} messages read from the key backup")),
        Err(error) => Finding::broken(HISTORY, error),
    })
}
