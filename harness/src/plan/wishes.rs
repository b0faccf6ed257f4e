//! From what somebody wishes for to a list of drills.

use std::path::PathBuf;

use super::{Drill, Injection, Moment, identities, moment_named};
use crate::{
    fault::{Passage, Reach},
    names::{self, Unknown},
};

/// The word that stands for every known point of the traffic.
const TRAFFIC: &str = "traffic";

/// The word that stands for every fault.
const ALL: &str = "all";

/// The word that stands for no fault: the plain scenario.
const NONE: &str = "none";

/// A scenario as far as planning is concerned.
#[derive(Clone, Debug)]
pub struct KnownScenario {
    /// Its name.
    pub name: &'static str,
    /// The faults it meets in its middle unless others are wished for.
    pub middle: &'static [&'static str],
    /// Whether it is the one that every fault is drilled with, at every moment, unless wished otherwise.
    pub drilled_with_every_fault: bool,
}

impl KnownScenario {
    /// Whether it meets this fault at this moment unless others are wished for.
    fn meets(&self, fault: &str, moment: Moment, brief: bool) -> bool {
        let few = if brief { 1 } else { usize::MAX };
        let own = || self.middle.iter().take(few).any(|own| *own == fault);
        self.drilled_with_every_fault || (moment == Moment::InTheMiddle && own())
    }

    /// Whether it can meet a fault at this moment at all.
    pub(super) fn has(&self, moment: Moment) -> bool {
        moment != Moment::InTheMiddle || !self.middle.is_empty()
    }
}

/// A fault as far as planning is concerned.
#[derive(Clone, Debug)]
pub struct KnownFault {
    /// Its name.
    pub name: String,
    /// The moments at which it makes sense.
    pub moments: Vec<Moment>,
    /// Whom it hits.
    pub reach: Reach,
    /// Whether it comes before all others of a schedule.
    pub comes_first: bool,
    /// Whether it happens only when the bot does something meanwhile.
    pub is_helped: bool,
}

impl KnownFault {
    /// Whether it can happen at a moment. At a point of the traffic can happen what can happen to a bot that runs and does nothing.
    pub(super) fn happens(&self, moment: Moment) -> bool {
        match moment {
            Moment::Passage(_) => !self.is_helped && self.moments.contains(&Moment::WhileRunning),
            moment => self.moments.contains(&moment),
        }
    }

    /// Those of the moments at which it can happen, its own first and in its order.
    fn moments_of(&self, wished: &[Moment]) -> Vec<Moment> {
        let own = self.moments.iter().filter(|moment| wished.contains(moment));
        let passages = wished.iter().filter(|moment| matches!(moment, Moment::Passage(_)));
        own.chain(passages.filter(|moment| self.happens(**moment)))
            .copied()
            .collect()
    }
}

/// All that can be wished for.
#[derive(Clone, Debug)]
pub struct Known {
    /// Scenarios in the order in which they run.
    pub scenarios: Vec<KnownScenario>,
    /// Faults in the order in which they are drilled.
    pub faults: Vec<KnownFault>,
    /// The points of its traffic to which every start of the bot comes.
    pub passages: Vec<Passage>,
    /// The identities of the bot. Where nothing else is said, faults hit the first.
    pub identities: Vec<String>,
    /// What a brief run drills for others than the first identity, each with the scenario.
    pub others: Vec<(&'static str, Injection)>,
}

/// What is wished for; an empty list is no restriction.
#[derive(Clone, Debug, Default)]
pub struct Wishes {
    /// Names of homeservers, each run separately; empty: the one from the environment.
    pub homeservers: Vec<String>,
    /// Names of scenarios.
    pub scenarios: Vec<String>,
    /// Names of faults, `all`, or `none` for the plain scenario.
    pub faults: Vec<String>,
    /// Names of moments.
    pub moments: Vec<String>,
    /// Names of the identities that faults hit, all at once.
    pub identities: Vec<String>,
    /// The seed of the run.
    pub seed: u64,
    /// The file with the contract of the bot that is drilled, where it is not the one that is drilled unless another is named.
    pub contract: Option<PathBuf>,
    /// Where no fault is wished for: the first of each scenario's own faults will do.
    pub brief: bool,
}

/// Wishes that no drill meets.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadWish {
    /// A name that nothing has.
    #[error(transparent)]
    Unknown(#[from] Unknown),
    /// The names are all known, but nothing is left when they are put together.
    #[error(
        "no drill is left: {fault} makes sense only {moments}; wish for one of these moments or leave --moment out"
    )]
    Nothing {
        /// The fault wished for.
        fault: String,
        /// Where it makes sense.
        moments: String,
    },
    /// A fault that cannot be aimed at the wished identities.
    #[error("no drill is left: {fault} hits {whom}; leave --identity out, or name fewer")]
    Reach {
        /// The fault wished for.
        fault: String,
        /// Whom it hits.
        whom: &'static str,
    },
    /// A fault of a schedule at a moment that cannot come there.
    #[error(
        "{0} cannot come there: a bot starts once for the first time, only the last fault of a schedule can come in the middle, and some \
         faults presume that nothing was broken before"
    )]
    Place(String),
    /// As before, where no fault was wished for by name.
    #[error("no drill is left: no fault is drilled at the wished moment with that scenario; name a fault with --fault")]
    Empty,
}

impl BadWish {
    pub(super) fn nothing(fault: &KnownFault) -> Self {
        Self::Nothing {
            fault: fault.name.clone(),
            moments: moments_of(fault),
        }
    }

    pub(super) fn unreached(fault: &KnownFault) -> Self {
        Self::Reach {
            fault: fault.name.clone(),
            whom: identities::whom(fault.reach),
        }
    }
}

impl Wishes {
    /// The homeservers, `auto` where none is wished for.
    pub(super) fn on(&self) -> Vec<String> {
        match self.homeservers.is_empty() {
            true => vec!["auto".to_owned()],
            false => self.homeservers.clone(),
        }
    }
}

/// Plans a run. Without a wish for faults: each scenario plain and with its own faults in its middle, and every fault at every moment at
/// which it makes sense with the scenario meant for them. With one: every wished scenario with every wished fault at every moment.
///
/// # Errors
/// [`BadWish`] for an unknown name or when nothing is left.
pub fn plan(known: &Known, wishes: &Wishes) -> Result<Vec<Drill>, BadWish> {
    let scenarios = wished_scenarios(known, &wishes.scenarios)?;
    let moments = wished_moments(known, &wishes.moments)?;
    let (faults, plain) = wished_faults(known, &wishes.faults)?;
    let any_fault = wishes.faults.is_empty();
    let hit = identities::wished(known, wishes)?;

    let mut injections = Vec::new();
    for scenario in &scenarios {
        // A wish for a moment is a wish for a fault at that moment, and one for an identity is for a fault that hits it.
        if plain || (any_fault && wishes.moments.is_empty() && wishes.identities.is_empty()) {
            injections.push((scenario.name, None));
        }
        for fault in &faults {
            for moment in fault.moments_of(&moments) {
                let is_meant = !any_fault || scenario.meets(&fault.name, moment, wishes.brief);
                if is_meant && scenario.has(moment) {
                    let injection = Injection::new(&fault.name, moment);
                    let all = hit.injections(scenario, fault, injection);
                    injections.extend(all.into_iter().map(|injection| (scenario.name, Some(injection))));
                }
            }
        }
    }
    if !any_fault && let Some(fault) = named_in_vain(&faults, &wishes.faults, &moments) {
        return Err(BadWish::nothing(fault));
    }
    if !any_fault
        && let Some(fault) = faults
            .iter()
            .find(|fault| is_named(&wishes.faults, fault) && !hit.reaches(fault))
    {
        return Err(BadWish::unreached(fault));
    }
    if injections.is_empty() {
        return Err(BadWish::Empty);
    }

    Ok(wishes
        .on()
        .iter()
        .flat_map(|homeserver| {
            injections.iter().map(move |(scenario, injection)| Drill {
                scenario: (*scenario).to_owned(),
                earlier: Vec::new(),
                injection: injection.clone(),
                homeserver: homeserver.clone(),
                seed: wishes.seed,
                contract: wishes.contract.clone(),
            })
        })
        .collect())
}

pub(super) fn wished_scenarios<'k>(known: &'k Known, wished: &[String]) -> Result<Vec<&'k KnownScenario>, Unknown> {
    let all: Vec<&str> = known.scenarios.iter().map(|scenario| scenario.name).collect();
    let named = wished
        .iter()
        .map(|name| names::find("scenario", name, &all))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(known
        .scenarios
        .iter()
        .filter(|scenario| named.is_empty() || named.contains(&scenario.name))
        .collect())
}

/// The wished moments; where none is, all but those of the traffic.
pub(super) fn wished_moments(known: &Known, wished: &[String]) -> Result<Vec<Moment>, Unknown> {
    if wished.is_empty() {
        return Ok(Moment::ALL.to_vec());
    }
    let passages = || known.passages.iter().copied().map(Moment::Passage);
    let names: Vec<String> = Moment::ALL
        .into_iter()
        .chain(passages())
        .map(|moment| moment.to_string())
        .chain([TRAFFIC.to_owned()])
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut moments = Vec::new();
    for wish in wished {
        // A point to which not every start comes is none of the names, and can be wished for all the same.
        match wish.parse() {
            Ok(passage) => moments.push(Moment::Passage(passage)),
            Err(_) => match names::find("moment", wish, &names)? {
                TRAFFIC => moments.extend(passages()),
                name => moments.extend(moment_named(name)),
            },
        }
    }
    Ok(moments)
}

/// The wished faults, and whether the plain scenario is wished for by name.
pub(super) fn wished_faults<'k>(known: &'k Known, wished: &[String]) -> Result<(Vec<&'k KnownFault>, bool), Unknown> {
    let all: Vec<&str> = known
        .faults
        .iter()
        .map(|fault| fault.name.as_str())
        .chain([ALL, NONE])
        .collect();
    let named = wished
        .iter()
        .map(|name| names::find("fault", name, &all))
        .collect::<Result<Vec<_>, _>>()?;
    let every = named.is_empty() || named.contains(&ALL);
    let faults = known
        .faults
        .iter()
        .filter(|fault| every || named.contains(&fault.name.as_str()))
        .collect();
    Ok((faults, named.contains(&NONE)))
}

/// What of the wishes is not planned although all names are known, one line each: somebody who names a fault and a moment must not take
/// their drill for passed.
///
/// # Errors
/// [`BadWish`] for an unknown name.
pub fn left_out(known: &Known, wishes: &Wishes) -> Result<Vec<String>, BadWish> {
    let mut left_out = Vec::new();
    if !wishes.identities.is_empty() && wished_faults(known, &wishes.faults)?.1 {
        left_out.push(format!("{NONE}: without a fault no identity is hit"));
    }
    if wishes.faults.is_empty() || wishes.moments.is_empty() {
        return Ok(left_out);
    }
    let moments = wished_moments(known, &wishes.moments)?;
    let (faults, _) = wished_faults(known, &wishes.faults)?;
    for fault in faults.iter().filter(|fault| is_named(&wishes.faults, fault)) {
        for moment in moments.iter().filter(|moment| !fault.happens(**moment)) {
            let only = moments_of(fault);
            left_out.push(format!(
                "{}: not drilled {moment}, it makes sense only {only}",
                fault.name
            ));
        }
    }
    for scenario in wished_scenarios(known, &wishes.scenarios)? {
        for moment in moments.iter().filter(|moment| !scenario.has(**moment)) {
            left_out.push(format!("{}: not drilled {moment}, it has no middle", scenario.name));
        }
    }
    Ok(left_out)
}

/// The first fault wished for by its name that makes sense at none of the moments.
fn named_in_vain<'k>(faults: &[&'k KnownFault], wished: &[String], moments: &[Moment]) -> Option<&'k KnownFault> {
    let in_vain = |fault: &&&KnownFault| !moments.iter().any(|moment| fault.happens(*moment));
    let mut named = faults.iter().filter(|fault| is_named(wished, fault));
    named.find(in_vain).copied()
}

fn is_named(wished: &[String], fault: &KnownFault) -> bool {
    wished
        .iter()
        .any(|name| names::find("fault", name, &[fault.name.as_str()]).is_ok())
}

fn moments_of(fault: &KnownFault) -> String {
    let moments: Vec<_> = fault.moments.iter().map(|moment| moment.name()).collect();
    moments.join(" or ")
}

#[cfg(test)]
#[path = "wishes_tests.rs"]
mod tests;
