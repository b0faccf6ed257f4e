//! What independently logged-in members see of the bot.

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
            |evidence| last(&evidence.record, trust, TRUST, "nobody looked at the bot's device"),
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

fn trust(event: &Event) -> Option<Finding> {
    let Event::Trust { user, device, trust } = event else {
        return None;
    };
    Some(match trust.as_deref() {
        Ok("signed") => Finding::holds(TRUST, format!("{device} of {user} is signed")),
        Ok(trust) => Finding::broken(TRUST, format!("{device} of {user} is {trust}")),
        Err(error) => Finding::broken(TRUST, error),
    })
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
