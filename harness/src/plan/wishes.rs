//! From what somebody wishes for to a list of drills.

use std::path::PathBuf;

use super::{Drill, Moment, Subject, moment_named};
use crate::names::{self, Unknown};

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
    fn has(&self, moment: Moment) -> bool {
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
}

/// All that can be wished for.
#[derive(Clone, Debug)]
pub struct Known {
    /// Scenarios in the order in which they run.
    pub scenarios: Vec<KnownScenario>,
    /// Faults in the order in which they are drilled.
    pub faults: Vec<KnownFault>,
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
    /// As before, where no fault was wished for by name.
    #[error("no drill is left: no fault is drilled at the wished moment with that scenario; name a fault with --fault")]
    Empty,
}

/// Plans a run. Without a wish for faults: each scenario plain and with its own faults in its middle, and every fault at every moment at
/// which it makes sense with the scenario meant for them. With one: every wished scenario with every wished fault at every moment.
///
/// # Errors
/// [`BadWish`] for an unknown name or when nothing is left.
pub fn plan(known: &Known, wishes: &Wishes) -> Result<Vec<Drill>, BadWish> {
    let scenarios = wished_scenarios(known, &wishes.scenarios)?;
    let moments = wished_moments(&wishes.moments)?;
    let (faults, plain) = wished_faults(known, &wishes.faults)?;
    let any_fault = wishes.faults.is_empty();

    let mut subjects = Vec::new();
    for scenario in &scenarios {
        // A wish for a moment is a wish for a fault at that moment.
        if plain || (any_fault && wishes.moments.is_empty()) {
            subjects.push((scenario.name, None));
        }
        for fault in &faults {
            for moment in fault.moments.iter().filter(|moment| moments.contains(moment)) {
                let is_meant = !any_fault || scenario.meets(&fault.name, *moment, wishes.brief);
                if is_meant && scenario.has(*moment) {
                    subjects.push((
                        scenario.name,
                        Some(Subject {
                            fault: fault.name.clone(),
                            moment: *moment,
                        }),
                    ));
                }
            }
        }
    }
    if !any_fault && let Some(fault) = named_in_vain(&faults, &wishes.faults, &moments) {
        return Err(BadWish::Nothing {
            fault: fault.name.to_owned(),
            moments: moments_of(fault),
        });
    }
    if subjects.is_empty() {
        return Err(BadWish::Empty);
    }

    let auto = ["auto".to_owned()];
    let homeservers = if wishes.homeservers.is_empty() {
        &auto[..]
    } else {
        &wishes.homeservers
    };
    Ok(homeservers
        .iter()
        .flat_map(|homeserver| {
            subjects.iter().map(move |(scenario, subject)| Drill {
                scenario: (*scenario).to_owned(),
                subject: subject.clone(),
                homeserver: homeserver.clone(),
                seed: wishes.seed,
                contract: wishes.contract.clone(),
            })
        })
        .collect())
}

fn wished_scenarios<'k>(known: &'k Known, wished: &[String]) -> Result<Vec<&'k KnownScenario>, Unknown> {
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

fn wished_moments(wished: &[String]) -> Result<Vec<Moment>, Unknown> {
    if wished.is_empty() {
        return Ok(Moment::ALL.to_vec());
    }
    let all = Moment::ALL.map(Moment::name);
    let found = wished
        .iter()
        .map(|name| names::find("moment", name, &all))
        .collect::<Result<Vec<_>, _>>()?;
    Ok(found.into_iter().filter_map(moment_named).collect())
}

/// The wished faults, and whether the plain scenario is wished for by name.
fn wished_faults<'k>(known: &'k Known, wished: &[String]) -> Result<(Vec<&'k KnownFault>, bool), Unknown> {
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
    if wishes.faults.is_empty() || wishes.moments.is_empty() {
        return Ok(left_out);
    }
    let moments = wished_moments(&wishes.moments)?;
    let (faults, _) = wished_faults(known, &wishes.faults)?;
    for fault in faults.iter().filter(|fault| is_named(&wishes.faults, fault)) {
        for moment in moments.iter().filter(|moment| !fault.moments.contains(moment)) {
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
    let in_vain = |fault: &&&KnownFault| !fault.moments.iter().any(|moment| moments.contains(moment));
    let mut named = faults.iter().filter(|fault| is_named(wished, fault));
    named.find(in_vain).copied()
}

fn is_named(wished: &[String], fault: &KnownFault) -> bool {
    wished
        .iter()
        .any(|name| names::find("fault", name, &[fault.name.as_str()]).is_ok())
}

fn moments_of(fault: &KnownFault) -> String {
    let moments: Vec<&str> = fault.moments.iter().map(|moment| moment.name()).collect();
    moments.join(" or ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn known() -> Known {
        Known {
            scenarios: vec![
                KnownScenario {
                    name: "smoke",
                    middle: &["token-logged-out"],
                    drilled_with_every_fault: true,
                },
                KnownScenario {
                    name: "errands",
                    middle: &["token-logged-out"],
                    drilled_with_every_fault: false,
                },
                KnownScenario {
                    name: "space-rules",
                    middle: &[],
                    drilled_with_every_fault: false,
                },
            ],
            faults: vec![
                KnownFault {
                    name: "env-token-empty".to_owned(),
                    moments: vec![Moment::AtBoot],
                },
                KnownFault {
                    name: "token-logged-out".to_owned(),
                    moments: Moment::ALL.to_vec(),
                },
            ],
        }
    }

    fn names(wishes: &Wishes) -> Vec<String> {
        plan(&known(), wishes).unwrap().iter().map(Drill::name).collect()
    }

    fn wish(scenarios: &[&str], faults: &[&str], moments: &[&str]) -> Wishes {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Wishes {
            scenarios: owned(scenarios),
            faults: owned(faults),
            moments: owned(moments),
            ..Wishes::default()
        }
    }

    #[test]
    fn without_wishes_every_fault_meets_one_scenario_and_every_scenario_heals_in_its_middle() {
        assert_eq!(
            names(&Wishes::default()),
            [
                "smoke/plain",
                "smoke/env-token-empty/at-boot",
                "smoke/token-logged-out/first-boot",
                "smoke/token-logged-out/at-boot",
                "smoke/token-logged-out/while-running",
                "smoke/token-logged-out/in-the-middle",
                "errands/plain",
                "errands/token-logged-out/in-the-middle",
                "space-rules/plain",
            ]
        );
    }

    #[test]
    fn a_brief_run_breaks_each_scenario_but_the_first_once_in_its_middle() {
        let mut known = known();
        known.faults.push(KnownFault {
            name: "bot-killed".to_owned(),
            moments: vec![Moment::InTheMiddle],
        });
        for scenario in &mut known.scenarios[..2] {
            scenario.middle = &["token-logged-out", "bot-killed"];
        }
        let middles = |brief| {
            let drills = plan(
                &known,
                &Wishes {
                    brief,
                    ..Wishes::default()
                },
            )
            .unwrap();
            let names = drills.iter().map(Drill::name);
            names.filter(|name| name.ends_with("in-the-middle")).collect::<Vec<_>>()
        };
        let brief = middles(true);
        assert_eq!(
            brief,
            [
                "smoke/token-logged-out/in-the-middle",
                "smoke/bot-killed/in-the-middle",
                "errands/token-logged-out/in-the-middle",
            ]
        );
        assert_eq!(
            middles(false),
            [brief, vec!["errands/bot-killed/in-the-middle".to_owned()]].concat()
        );
    }

    #[test]
    fn a_wished_fault_meets_every_wished_scenario_at_every_moment() {
        assert_eq!(
            names(&wish(&["errands"], &["env-token-empty"], &[])),
            ["errands/env-token-empty/at-boot"]
        );
        assert_eq!(
            names(&wish(&["errands"], &["all"], &["at_boot"])),
            ["errands/env-token-empty/at-boot", "errands/token-logged-out/at-boot"]
        );
    }

    #[test]
    fn no_fault_can_be_wished_for_by_name() {
        assert_eq!(names(&wish(&["smoke"], &["none"], &[])), ["smoke/plain"]);
    }

    #[test]
    fn a_scenario_without_a_middle_is_not_broken_there() {
        assert_eq!(
            plan(&known(), &wish(&["space-rules"], &[], &["in-the-middle"])),
            Err(BadWish::Empty)
        );
    }

    #[test]
    fn a_fault_at_a_moment_where_it_makes_no_sense_is_refused_with_those_where_it_does() {
        let refused = plan(&known(), &wish(&[], &["env-token-empty"], &["while-running"])).unwrap_err();
        assert!(
            refused.to_string().contains("env-token-empty makes sense only at-boot"),
            "{refused}"
        );
    }

    #[test]
    fn a_fault_named_beside_others_is_not_dropped_where_it_makes_no_sense() {
        let wishes = wish(&[], &["env-token-empty", "token-logged-out"], &["while-running"]);
        let refused = plan(&known(), &wishes).unwrap_err();
        assert!(
            refused.to_string().contains("env-token-empty makes sense only at-boot"),
            "{refused}"
        );
        let all = wish(&[], &["all"], &["while-running"]);
        assert!(plan(&known(), &all).is_ok());
        assert_eq!(left_out(&known(), &all), Ok(Vec::new()));
    }

    #[test]
    fn what_is_left_out_of_named_faults_moments_and_scenarios_is_said() {
        let wishes = wish(
            &["smoke", "space-rules"],
            &["env-token-empty"],
            &["at-boot", "in-the-middle"],
        );
        assert_eq!(
            names(&wishes),
            ["smoke/env-token-empty/at-boot", "space-rules/env-token-empty/at-boot"]
        );
        assert_eq!(
            left_out(&known(), &wishes).unwrap(),
            [
                "env-token-empty: not drilled in-the-middle, it makes sense only at-boot",
                "space-rules: not drilled in-the-middle, it has no middle",
            ]
        );
    }

    #[test]
    fn the_main_job_drills_every_fault_at_every_moment() {
        let mut known = known();
        known.faults.push(KnownFault {
            name: "bot-frozen".to_owned(),
            moments: vec![Moment::InTheMiddle],
        });
        let brief = Wishes {
            brief: true,
            ..Wishes::default()
        };
        let drills = plan(&known, &brief).unwrap();
        for fault in &known.faults {
            for moment in &fault.moments {
                let name = format!("smoke/{}/{moment}", fault.name);
                assert!(drills.iter().any(|drill| drill.name() == name), "{name} is not planned");
            }
        }
    }

    #[test]
    fn an_unknown_name_is_refused() {
        assert!(matches!(
            plan(&known(), &wish(&["smokey"], &[], &[])),
            Err(BadWish::Unknown(_))
        ));
        assert!(matches!(
            plan(&known(), &wish(&[], &["env-token"], &[])),
            Err(BadWish::Unknown(_))
        ));
        assert!(matches!(
            plan(&known(), &wish(&[], &[], &["boot"])),
            Err(BadWish::Unknown(_))
        ));
    }

    #[test]
    fn every_wished_homeserver_gets_all_drills() {
        let wishes = Wishes {
            homeservers: vec!["synapse".to_owned(), "conduwuit".to_owned()],
            ..wish(&["smoke"], &["none"], &[])
        };
        let drills = plan(&known(), &wishes).unwrap();
        let homeservers: Vec<&str> = drills.iter().map(|drill| drill.homeserver.as_str()).collect();
        assert_eq!(homeservers, ["synapse", "conduwuit"]);
    }

    proptest! {
        /// What a replay line says, read back as wishes, plans that one drill with the same world.
        #[test]
        fn a_replay_plans_exactly_the_drill_it_was_made_for(seed: u64, scenario in 0..3_usize, fault in 0..3_usize) {
            let scenario = known().scenarios[scenario].name;
            let fault = ["none", "all", "token-logged-out"][fault];
            for drill in plan(&known(), &Wishes { seed, ..wish(&[scenario], &[fault], &[]) }).unwrap() {
                let (fault, moment) = drill.subject.as_ref().map_or(("none", None), |s| (s.fault.as_str(), Some(s.moment.name())));
                let again = Wishes { seed, ..wish(&[&drill.scenario], &[fault], moment.as_slice()) };
                let replayed = plan(&known(), &again).unwrap();
                prop_assert_eq!(replayed.len(), 1);
                prop_assert_eq!(replayed[0].world_seed(), drill.world_seed());
            }
        }
    }
}
