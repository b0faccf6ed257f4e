//! Who the bot is, and on which device.

use super::{Check, Evidence, Finding, Need, judge::check};
use crate::{fault::NewDevice, front_door::Entrance};

const IDENTITY: &str = "identity";
const DEVICES: &str = "device-continuity";
const TRUST: &str = "trust-kept";

pub(super) fn checks() -> [Check; 3] {
    [
        check(
            IDENTITY,
            "the bot is the right user and says so",
            &[Need::State],
            identity,
        ),
        check(
            DEVICES,
            "no new device unless the old one was lost, and none left behind",
            &[Need::State],
            devices,
        ),
        check(
            TRUST,
            "the cross-signing identity that peers have verified is the same",
            &[Need::CrossSigning],
            trust,
        ),
    ]
}

fn identity(evidence: &Evidence) -> Finding {
    let Some(ready) = evidence.after.as_ref().and_then(|after| after.ready.as_ref()) else {
        return Finding::broken(IDENTITY, "it did not say in the end how it is");
    };
    let mut broken = Vec::new();
    let mut right = Vec::new();
    for account in &evidence.subject.accounts {
        let (role, user) = (&account.name, &account.user_id);
        match ready.identity(role) {
            Some(identity) if !identity.degraded.is_empty() => {
                let notes: Vec<&str> = identity.degraded.iter().map(|note| note.what.as_str()).collect();
                broken.push(format!("the {role} is weaker than it was: {}", notes.join("; ")));
            }
            Some(identity) if identity.serves() && identity.user_id.as_ref().is_none_or(|told| told == user) => {
                right.push(user.clone())
            }
            Some(identity) => broken.push(format!(
                "the {role} is {} as {:?}, and does not serve as {user}",
                identity.state, identity.user_id
            )),
            None => broken.push(format!("it does not tell about the {role}: {}", ready.line())),
        }
    }
    if broken.is_empty() && right.is_empty() {
        return Finding::broken(IDENTITY, "no account of the bot's is known");
    }
    Finding::of(IDENTITY, &broken, format!("acts as {}", right.join(", ")))
}

fn devices(evidence: &Evidence) -> Finding {
    let Some(after) = &evidence.after else {
        return Finding::broken(DEVICES, "nobody looked at its devices in the end");
    };
    let mut broken = Vec::new();
    let mut seen = Vec::new();
    for account in &evidence.subject.accounts {
        let (role, user) = (&account.name, &account.user_id);
        let before = evidence
            .breakage
            .as_ref()
            .and_then(|breakage| breakage.before.device(role));
        let Some(device) = after.device(role) else {
            broken.push(format!("the {role} does not tell its device"));
            continue;
        };
        let owned = after.devices.get(user).cloned().unwrap_or_default();
        if !owned.contains(&device) {
            broken.push(format!(
                "the {role} says {device}, which the homeserver does not know ({owned:?})"
            ));
        }
        broken.extend(wrongly_changed(evidence, account.hit, role, before.as_deref(), &device));
        let left: Vec<&String> = owned
            .iter()
            .filter(|other| **other != device && used_by_bot(evidence, user, other))
            .collect();
        if !left.is_empty() {
            broken.push(format!("the {role} left behind {left:?}"));
        }
        seen.push(format!("{role} {} → {device}", before.as_deref().unwrap_or("-")));
    }
    if broken.is_empty() && seen.is_empty() {
        return Finding::broken(DEVICES, "no account of the bot's is known");
    }
    Finding::of(DEVICES, &broken, seen.join(", "))
}

/// A device that was changed without need, or kept although its keys were lost.
fn wrongly_changed(
    evidence: &Evidence,
    is_hit: bool,
    role: &str,
    before: Option<&str>,
    device: &str,
) -> Option<String> {
    let allowed = evidence.breakage.as_ref()?.allowed.device;
    let before = before?;
    match allowed {
        _ if !is_hit && before != device => Some(format!(
            "the {role} went from {before} to {device} for a fault of another's"
        )),
        NewDevice::Never if is_hit && before != device => Some(format!(
            "the {role} went from {before} to {device} though its device lived"
        )),
        NewDevice::Must if is_hit && before == device => {
            Some(format!("the {role} stays on {device} whose keys it has lost"))
        }
        _ => None,
    }
}

/// Peers have verified the account's cross-signing identity; another one, or none, would show them a warning.
fn trust(evidence: &Evidence) -> Finding {
    let Some(after) = &evidence.after else {
        return Finding::broken(TRUST, "nobody looked at its identity in the end");
    };
    let before = evidence.breakage.as_ref().map(|breakage| &breakage.before.master_keys);
    let mut broken = Vec::new();
    let mut kept = Vec::new();
    for account in &evidence.subject.accounts {
        let (role, user) = (&account.name, &account.user_id);
        match (before.and_then(|before| before.get(user)), after.master_keys.get(user)) {
            (_, None) => broken.push(format!("the {role} has no cross-signing identity")),
            (Some(before), Some(after)) if before != after => {
                broken.push(format!("the {role} has another cross-signing identity than before"));
            }
            (Some(_), Some(_)) => kept.push(format!("the {role}'s identity is the same")),
            (None, Some(_)) => kept.push(format!("the {role}'s identity was made")),
        }
    }
    if broken.is_empty() && kept.is_empty() {
        return Finding::broken(TRUST, "no account of the bot's is known");
    }
    Finding::of(TRUST, &broken, kept.join(", "))
}

/// Whether the bot has ever used a device: the operator's own, which it never touched, are not the bot's to clear away.
fn used_by_bot(evidence: &Evidence, user: &str, device: &str) -> bool {
    evidence.exchanges.iter().any(|exchange| {
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
