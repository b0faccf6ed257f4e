//! Who the bot is, and on which device.

use std::collections::BTreeSet;

use super::{Evidence, Finding};
use crate::{fault::NewDevice, front_door::Entrance};

pub(super) const IDENTITY: &str = "identity";
pub(super) const DEVICES: &str = "device-continuity";
pub(super) const TRUST: &str = "trust-kept";

pub(super) fn identity(evidence: &Evidence) -> Finding {
    let Some(ready) = &evidence.after.ready else {
        return Finding::broken(IDENTITY, "/ready does not answer");
    };
    let mut broken = Vec::new();
    let mut right = Vec::new();
    for (role, user) in &evidence.bots {
        match ready.identity(role) {
            Some(identity) if !identity.degraded.is_empty() => {
                let notes: Vec<&str> = identity.degraded.iter().map(|note| note.what.as_str()).collect();
                broken.push(format!("the {role} is weaker than it was: {}", notes.join("; ")));
            }
            Some(identity) if identity.state == "ok" && identity.user_id.as_deref() == Some(user) => {
                right.push(user.clone())
            }
            Some(identity) => broken.push(format!(
                "the {role} is {} as {:?}, not ok as {user}",
                identity.state, identity.user_id
            )),
            None => broken.push(format!("/ready does not tell about the {role}: {}", ready.line())),
        }
    }
    // What the bot did since must have been done as itself: a token of somebody else may be asked about, and nothing more.
    let strangers: BTreeSet<&str> = evidence
        .traffic
        .iter()
        .filter(|exchange| exchange.entrance == Entrance::Bot && !exchange.path.ends_with("/account/whoami"))
        // A signup acts for the newcomer, with the newcomer's token.
        .filter(|exchange| !is_of_newcomer(evidence, exchange.who.as_ref().map(|who| who.user_id.as_str())))
        .filter_map(|exchange| exchange.who.as_ref().map(|who| who.user_id.as_str()))
        .filter(|user| !evidence.bots.iter().any(|(_, bot)| bot == user))
        .collect();
    broken.extend(strangers.iter().map(|user| format!("the bot acted as {user}")));
    Finding::of(IDENTITY, &broken, format!("acts as {}", right.join(", ")))
}

/// Whether the account was registered through the bot, as a signup does.
fn is_of_newcomer(evidence: &Evidence, user: Option<&str>) -> bool {
    let Some(user) = user else { return false };
    evidence.all_traffic.iter().any(|exchange| {
        exchange.entrance == Entrance::Bot && exchange.path.ends_with("/register") && exchange.answer["user_id"] == user
    })
}

pub(super) fn devices(evidence: &Evidence) -> Finding {
    let mut broken = Vec::new();
    let mut seen = Vec::new();
    for (role, user) in &evidence.bots {
        let (before, after) = (evidence.before.device(role), evidence.after.device(role));
        let Some(device) = after else {
            broken.push(format!("the {role} does not tell its device"));
            continue;
        };
        let owned = evidence.after.devices.get(user).cloned().unwrap_or_default();
        if !owned.contains(&device) {
            broken.push(format!(
                "the {role} says {device}, which the homeserver does not know ({owned:?})"
            ));
        }
        let is_hit = role == "approver";
        let changed = before.as_ref().is_some_and(|before| *before != device);
        match evidence.expectation.device {
            _ if !is_hit && changed => broken.push(format!(
                "the {role} went from {before:?} to {device} for a fault of another's"
            )),
            NewDevice::Never if is_hit && changed => broken.push(format!(
                "the {role} went from {before:?} to {device} though its device lived"
            )),
            NewDevice::Must if is_hit && before.is_some() && !changed => {
                broken.push(format!("the {role} stays on {device} whose keys it has lost"));
            }
            _ => {}
        }
        let left: Vec<&String> = owned
            .iter()
            .filter(|other| **other != device && used_by_bot(evidence, user, other))
            .collect();
        if !left.is_empty() {
            broken.push(format!("the {role} left behind {left:?}"));
        }
        seen.push(format!("{role} {} → {device}", before.as_deref().unwrap_or("-")));
    }
    Finding::of(DEVICES, &broken, seen.join(", "))
}

/// Peers have verified the account's cross-signing identity; another one, or none, would show them a warning.
pub(super) fn trust(evidence: &Evidence) -> Finding {
    let (before, after) = (&evidence.before.master_keys, &evidence.after.master_keys);
    let mut broken = Vec::new();
    let mut kept = Vec::new();
    for (role, user) in &evidence.bots {
        match (before.get(user), after.get(user)) {
            (_, None) => broken.push(format!("the {role} has no cross-signing identity")),
            (Some(before), Some(after)) if before != after => {
                broken.push(format!("the {role} has another cross-signing identity than before"));
            }
            (Some(_), Some(_)) => kept.push(format!("the {role}'s identity is the same")),
            (None, Some(_)) => kept.push(format!("the {role}'s identity was made")),
        }
    }
    Finding::of(TRUST, &broken, kept.join(", "))
}

/// Whether the bot has ever used a device: the operator's own, which it never touched, are not the bot's to clear away.
fn used_by_bot(evidence: &Evidence, user: &str, device: &str) -> bool {
    evidence.all_traffic.iter().any(|exchange| {
        let used = exchange.who.as_ref().is_some_and(|who| {
            who.user_id == user
                && who.device_id.as_deref() == Some(device)
                && !exchange.path.ends_with("/account/whoami")
        });
        let made = super::evidence::is_login(exchange)
            && exchange.answer["device_id"] == device
            && exchange.answer["user_id"] == user;
        exchange.entrance == Entrance::Bot && (used || made)
    })
}
