//! The fault happened.

use super::{Check, Evidence, Finding, harm::UNBROKEN, judge::check};
use crate::{
    front_door::Entrance,
    history::{Event, Proof},
};

const FIRED: &str = "fault-fired";

pub(super) fn checks() -> [Check; 1] {
    [check(FIRED, "the fault really happened", &[], fired)]
}

fn fired(evidence: &Evidence) -> Finding {
    let Some(breakage) = &evidence.breakage else {
        return Finding::not_applicable(FIRED, UNBROKEN);
    };
    let mut broken: Vec<String> = evidence
        .hit()
        .filter(|account| !breakage.fired.contains_key(&account.name))
        .map(|account| format!("nothing shows that {} happened to the {}", breakage.fault, account.name))
        .collect();
    if breakage.fired.is_empty() && broken.is_empty() {
        broken.push(format!("nothing shows that {} happened", breakage.fault));
    }
    let during = &evidence.record.entries()[breakage.during.clone()];
    let events: Vec<&Event> = during.iter().map(|entry| &entry.event).collect();
    let mut proven: Vec<String> = breakage.fired.values().cloned().collect();
    for (place, event) in events.iter().enumerate() {
        let Event::Demanded(proof) = event else { continue };
        match shown(proof, &events[place..]) {
            Some(how) => proven.push(how),
            None => broken.push(format!(
                "nothing shows that {} happened: {}",
                breakage.fault,
                missing(proof)
            )),
        }
    }
    Finding::of(FIRED, &broken, proven.join("; "))
}

/// Where in what followed a proof stands.
fn shown(proof: &Proof, since: &[&Event]) -> Option<String> {
    match proof {
        Proof::Killed { pid } => since.iter().find_map(|event| match event {
            Event::Exited(exit)
                if exit.pid == *pid && exit.after.as_deref() == Some("SIGKILL") && exit.signal == Some(9) =>
            {
                Some(format!("process {pid} ended by signal 9"))
            }
            _ => None,
        }),
        Proof::Refused { token } => since.iter().find_map(|event| match event {
            Event::Answer(exchange)
                if exchange.entrance == Entrance::Bot
                    && exchange.token.as_ref() == Some(token)
                    && exchange.status == Some(401) =>
            {
                Some(format!("met in {}", exchange.line()))
            }
            _ => None,
        }),
        Proof::Homeserver { state } => since
            .iter()
            .any(|event| matches!(event, Event::Homeserver { state: seen } if seen == state))
            .then(|| format!("the homeserver was seen {state}")),
    }
}

fn missing(proof: &Proof) -> String {
    match proof {
        Proof::Killed { pid } => format!("process {pid} was not seen to end by SIGKILL"),
        Proof::Refused { token } => format!("the bot was never told that token {token} is dead"),
        Proof::Homeserver { state } => format!("the homeserver was never seen {state}"),
    }
}
