//! Which of the bot's identities faults hit.

use super::{BadWish, Injection, Known, KnownFault, KnownScenario, Wishes};
use crate::{fault::Reach, names};

/// What is wished for.
pub(super) enum Hit<'k> {
    /// These and no others, all at once; none is the first alone.
    These(Vec<String>),
    /// The first alone.
    First,
    /// The first alone, and what a brief run drills for others.
    Few(&'k [(&'static str, Injection)]),
    /// The first alone, with the scenario that meets every fault each other alone and all at once, and with other scenarios what a brief
    /// run drills.
    Every(&'k Known),
}

/// The wish, with names of known identities in the order of the contract.
///
/// # Errors
/// [`BadWish::Unknown`].
pub(super) fn wished<'k>(known: &'k Known, wishes: &Wishes) -> Result<Hit<'k>, BadWish> {
    if wishes.identities.is_empty() {
        return Ok(match (wishes.faults.is_empty(), wishes.brief) {
            (false, _) => Hit::First,
            (true, true) => Hit::Few(&known.others),
            (true, false) => Hit::Every(known),
        });
    }
    let all: Vec<&str> = known.identities.iter().map(String::as_str).collect();
    let named = wishes
        .identities
        .iter()
        .map(|name| names::find("identity", name, &all))
        .collect::<Result<Vec<_>, _>>()?;
    let these: Vec<String> = known
        .identities
        .iter()
        .filter(|name| named.contains(&name.as_str()))
        .cloned()
        .collect();
    Ok(match these.as_slice() {
        [first] if known.identities.first() == Some(first) => Hit::First,
        _ => Hit::These(these),
    })
}

impl Hit<'_> {
    /// What is drilled of a fault that hits the first identity.
    pub(super) fn injections(&self, scenario: &KnownScenario, fault: &KnownFault, first: Injection) -> Vec<Injection> {
        let among = |others: &[(&str, Injection)]| {
            let same = |injection: &Injection| injection.fault == first.fault && injection.moment == first.moment;
            let others = others
                .iter()
                .filter(|(name, injection)| *name == scenario.name && same(injection));
            others.map(|(_, injection)| injection.clone()).collect::<Vec<_>>()
        };
        let more = match self {
            Self::These(these) => {
                let hit = fault.reach.allows(these.len()).then(|| first.hitting(these));
                return hit.into_iter().collect();
            }
            Self::First => Vec::new(),
            Self::Few(others) => among(others),
            Self::Every(known) if scenario.drilled_with_every_fault => {
                let sets = others(&known.identities);
                let allowed = sets.iter().filter(|set| fault.reach.allows(set.len()));
                allowed.map(|set| first.clone().hitting(set)).collect()
            }
            Self::Every(known) => among(&known.others),
        };
        [vec![first], more].concat()
    }

    /// Those that are named; none where the first alone is hit.
    pub(super) fn these(&self) -> &[String] {
        match self {
            Self::These(these) => these,
            Self::First | Self::Few(_) | Self::Every(_) => &[],
        }
    }

    /// Whether a fault can hit those that are wished for.
    pub(super) fn reaches(&self, fault: &KnownFault) -> bool {
        match self {
            Self::These(these) => fault.reach.allows(these.len()),
            Self::First | Self::Few(_) | Self::Every(_) => true,
        }
    }
}

/// Whom a fault hits, in words.
pub const fn whom(reach: Reach) -> &'static str {
    match reach {
        Reach::Bot => "the bot as a whole",
        Reach::Account => "one identity at a time",
        Reach::Accounts => "one identity, or several at once",
    }
}

/// Each identity but the first alone, and all at once.
fn others(identities: &[String]) -> Vec<Vec<String>> {
    let [_, others @ ..] = identities else {
        return Vec::new();
    };
    let mut sets: Vec<Vec<String>> = others.iter().map(|name| vec![name.clone()]).collect();
    if !others.is_empty() {
        sets.push(identities.to_vec());
    }
    sets
}
