//! Schedules: several faults one after another in one drill, named or drawn from a seed.

use std::collections::HashSet;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{RngCore as _, SeedableRng as _},
};

use super::{BadWish, Drill, Injection, Known, KnownScenario, Moment, Wishes, identities, seed_for};
use crate::names;

/// How many faults a drawn schedule has.
const SHORTEST: usize = 2;
const LONGEST: usize = 6;
/// How often a schedule is drawn anew that was drawn already.
const TRIES: usize = 100;

/// So many drills with schedules drawn from the seed: of the wished faults at the wished moments, with the scenario that every fault is drilled
/// with, or the wished ones. No schedule is drawn twice. The same seed gives the same schedules in every run of the same program; a replay
/// line names the faults themselves, and needs no drawing.
///
/// # Errors
///
/// [`BadWish`] for an unknown name, or when nothing is left to draw from.
pub fn drawn(known: &Known, wishes: &Wishes, count: usize) -> Result<Vec<Drill>, BadWish> {
    let pools = scenarios(known, wishes)?
        .into_iter()
        .map(|scenario| Ok((scenario, Pool::of(known, wishes, scenario)?)))
        .collect::<Result<Vec<_>, BadWish>>()?;
    let mut random = ChaCha8Rng::seed_from_u64(seed_for(wishes.seed, "schedules"));
    let (mut seen, mut drills) = (HashSet::new(), Vec::new());
    for place in 0..count {
        let (scenario, pool) = &pools[place % pools.len()];
        let fresh = (0..TRIES)
            .map(|_| pool.draw(&mut random))
            .find(|schedule| seen.insert((scenario.name, schedule.clone())));
        // A pool of one fault is soon used up.
        let Some(schedule) = fresh else { break };
        drills.extend(on_each(wishes, scenario.name, schedule));
    }
    Ok(drills)
}

/// The drills of a schedule that is named.
///
/// # Errors
///
/// [`BadWish`] for an unknown name, or a fault at a moment that it does not have, or that cannot come at its place.
pub fn scheduled(known: &Known, wishes: &Wishes, schedule: &[Injection]) -> Result<Vec<Drill>, BadWish> {
    let all: Vec<&str> = known.faults.iter().map(|fault| fault.name.as_str()).collect();
    let hit = identities::wished(known, wishes)?;
    let mut whole = Vec::new();
    for (place, injection) in schedule.iter().enumerate() {
        let name = names::find("fault", &injection.fault, &all)?;
        let Some(fault) = known.faults.iter().find(|fault| fault.name == name) else {
            continue;
        };
        if !fault.happens(injection.moment) {
            return Err(BadWish::nothing(fault));
        }
        if !hit.reaches(fault) {
            return Err(BadWish::unreached(fault));
        }
        let is_early = fault.comes_first && place > 0;
        if is_early || !fits(injection.moment, place, schedule.len()) {
            return Err(BadWish::Place(injection.to_string()));
        }
        whole.push(Injection::new(name, injection.moment).hitting(hit.these()));
    }
    let scenarios = scenarios(known, wishes)?;
    let drills = scenarios
        .iter()
        .flat_map(|scenario| on_each(wishes, scenario.name, whole.clone()));
    Ok(drills.collect())
}

/// The schedules that are simpler by one step, each as a drill: without one fault, or with one that does not wait for a point of the traffic.
pub fn simpler(drill: &Drill) -> Vec<Drill> {
    [shorter(drill), plainer(drill)].concat()
}

/// With one fault at any time while the bot runs that waited for a request.
fn plainer(drill: &Drill) -> Vec<Drill> {
    let whole: Vec<Injection> = drill.schedule().cloned().collect();
    let waits = |place: &usize| matches!(whole[*place].moment, Moment::Passage(_));
    let plain = |place: usize| {
        let mut plainer = whole.clone();
        plainer[place].moment = Moment::WhileRunning;
        let injection = plainer.pop();
        Drill {
            earlier: plainer,
            injection,
            ..drill.clone()
        }
    };
    (0..whole.len()).filter(waits).map(plain).collect()
}

fn shorter(drill: &Drill) -> Vec<Drill> {
    let whole: Vec<&Injection> = drill.schedule().collect();
    let without = |left_out: usize| {
        let kept = whole.iter().enumerate().filter(|(place, _)| *place != left_out);
        let mut kept: Vec<Injection> = kept.map(|(_, injection)| (*injection).clone()).collect();
        let injection = kept.pop();
        let is_possible = kept
            .iter()
            .chain(&injection)
            .enumerate()
            .all(|(place, injection)| fits(injection.moment, place, whole.len() - 1));
        (is_possible && injection.is_some()).then(|| Drill {
            earlier: kept,
            injection,
            ..drill.clone()
        })
    };
    (0..whole.len()).filter_map(without).collect()
}

/// Whether a moment can come at this place of a schedule of so many faults: a bot starts once for the first time, and the scenario is half way
/// through only when it has begun.
fn fits(moment: Moment, place: usize, length: usize) -> bool {
    match moment {
        Moment::FirstBoot => place == 0,
        Moment::InTheMiddle => place + 1 == length,
        Moment::AtBoot | Moment::WhileRunning | Moment::Passage(_) => true,
    }
}

/// The wished scenarios; where none is, the one that every fault is drilled with.
fn scenarios<'k>(known: &'k Known, wishes: &Wishes) -> Result<Vec<&'k KnownScenario>, BadWish> {
    let mut scenarios = super::wishes::wished_scenarios(known, &wishes.scenarios)?;
    if wishes.scenarios.is_empty() {
        scenarios.retain(|scenario| scenario.drilled_with_every_fault);
    }
    match scenarios.is_empty() {
        true => Err(BadWish::Empty),
        false => Ok(scenarios),
    }
}

/// A schedule as a drill on each wished homeserver.
fn on_each(wishes: &Wishes, scenario: &str, mut schedule: Vec<Injection>) -> Vec<Drill> {
    let injection = schedule.pop();
    let drill = |homeserver: String| Drill {
        scenario: scenario.to_owned(),
        earlier: schedule.clone(),
        injection: injection.clone(),
        homeserver,
        seed: wishes.seed,
        contract: wishes.contract.clone(),
    };
    wishes.on().into_iter().map(drill).collect()
}

/// What schedules are drawn from: each with whether it comes before all others.
struct Pool(Vec<(Injection, bool)>);

impl Pool {
    fn of(known: &Known, wishes: &Wishes, scenario: &KnownScenario) -> Result<Self, BadWish> {
        let mut moments = super::wishes::wished_moments(known, &wishes.moments)?;
        if wishes.moments.is_empty() {
            moments.extend(known.passages.iter().copied().map(Moment::Passage));
        }
        let (faults, _) = super::wishes::wished_faults(known, &wishes.faults)?;
        let hit = identities::wished(known, wishes)?;
        let mut pool = Vec::new();
        for fault in faults.into_iter().filter(|fault| hit.reaches(fault)) {
            let makes_sense = |moment: &&Moment| scenario.has(**moment) && fault.happens(**moment);
            for moment in moments.iter().filter(makes_sense) {
                let injection = Injection::new(&fault.name, *moment).hitting(hit.these());
                pool.push((injection, fault.comes_first));
            }
        }
        let is_endless =
            |(injection, comes_first): &(Injection, bool)| !comes_first && fits(injection.moment, 1, LONGEST);
        match pool.iter().any(is_endless) {
            true => Ok(Self(pool)),
            // At the beginning and in the middle there is room for one fault each.
            false => Err(BadWish::Empty),
        }
    }

    fn draw(&self, random: &mut ChaCha8Rng) -> Vec<Injection> {
        let length = SHORTEST + below(random, LONGEST - SHORTEST + 1);
        let at = |place: usize| {
            let fitting = self.0.iter().filter(move |(injection, comes_first)| {
                fits(injection.moment, place, length) && (place == 0 || !comes_first)
            });
            fitting.map(|(injection, _)| injection)
        };
        (0..length)
            .filter_map(|place| {
                let fitting = at(place).count();
                at(place).nth(below(random, fitting)).cloned()
            })
            .collect()
    }
}

/// A number below another one. The stream of the generator is promised to stay; how a crate makes a range of it is not.
fn below(random: &mut ChaCha8Rng, bound: usize) -> usize {
    let drawn = random.next_u64() % u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
    usize::try_from(drawn).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        fault::{Call, Passage, Reach},
        plan::KnownFault,
    };

    fn known() -> Known {
        let fault = |name: &str, moments: &[Moment]| KnownFault {
            name: name.to_owned(),
            moments: moments.to_vec(),
            reach: Reach::Account,
            comes_first: name == "spoilt",
            is_helped: name == "helped",
        };
        let scenario = |name, drilled_with_every_fault| KnownScenario {
            name,
            middle: &["deleted"],
            drilled_with_every_fault,
        };
        Known {
            scenarios: vec![scenario("smoke", true), scenario("other", false)],
            faults: vec![
                fault("clobbered", &[Moment::FirstBoot, Moment::AtBoot]),
                fault("deleted", &[Moment::AtBoot, Moment::WhileRunning, Moment::InTheMiddle]),
                fault("killed", &[Moment::WhileRunning]),
                fault("spoilt", &[Moment::AtBoot]),
            ],
            passages: Passage::around(Call::Sync).to_vec(),
            identities: vec!["first".to_owned(), "second".to_owned()],
            others: Vec::new(),
        }
    }

    fn seeded(seed: u64) -> Wishes {
        Wishes {
            seed,
            ..Wishes::default()
        }
    }

    fn named(words: &str) -> Result<Vec<Drill>, BadWish> {
        let schedule: Vec<Injection> = words.split(',').map(|word| word.parse().unwrap()).collect();
        scheduled(&known(), &seeded(7), &schedule)
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_one_something_else() {
        let names = |seed| {
            let drills = drawn(&known(), &seeded(seed), 20).unwrap();
            drills.iter().map(Drill::name).collect::<Vec<_>>()
        };
        assert_eq!(names(7), names(7));
        assert_ne!(names(7), names(8));
        assert_eq!(names(7).len(), 20);
        // The stream is promised: a seed means the same next year.
        insta::assert_snapshot!(names(7)[..4].join("\n"));
    }

    #[test]
    fn what_is_drawn_can_happen_in_that_order_and_no_schedule_comes_twice() {
        let drills = drawn(&known(), &seeded(1), 300).unwrap();
        let mut names = BTreeSet::new();
        for drill in &drills {
            let schedule: Vec<&Injection> = drill.schedule().collect();
            assert!((SHORTEST..=LONGEST).contains(&schedule.len()), "{drill}");
            for (place, injection) in schedule.iter().enumerate() {
                assert!(fits(injection.moment, place, schedule.len()), "{drill}");
                assert!(place == 0 || injection.fault != "spoilt", "{drill}");
            }
            assert_eq!(drill.scenario, "smoke");
            assert!(names.insert(drill.name()), "{drill} came twice");
        }
        let lengths: BTreeSet<usize> = drills.iter().map(|drill| drill.schedule().count()).collect();
        assert_eq!(lengths.len(), LONGEST - SHORTEST + 1);
    }

    #[test]
    fn a_pool_that_is_used_up_ends_the_drawing_and_one_for_single_faults_is_refused() {
        let only = |fault: &str, moment: &str| Wishes {
            faults: vec![fault.to_owned()],
            moments: vec![moment.to_owned()],
            ..seeded(7)
        };
        assert_eq!(drawn(&known(), &only("killed", "while-running"), 50).unwrap().len(), 5);
        assert_eq!(
            drawn(&known(), &only("clobbered", "first-boot"), 50),
            Err(BadWish::Empty)
        );
    }

    #[test]
    fn a_named_schedule_is_one_drill_that_its_replay_line_names_again() {
        let drills = named("clobbered/first-boot,killed/while-running,deleted/in-the-middle").unwrap();
        let [drill] = drills.as_slice() else {
            panic!("{drills:?}")
        };
        assert_eq!(
            drill.name(),
            "smoke/clobbered/first-boot,killed/while-running,deleted/in-the-middle"
        );
        assert!(
            drill
                .replay("knockproof")
                .contains(" --schedule clobbered/first-boot,killed/while-running,deleted/in-the-middle --seed 7")
        );
    }

    #[test]
    fn what_cannot_be_is_refused_with_the_reason() {
        let refused = |words: &str| named(words).unwrap_err().to_string();
        assert!(refused("killed/at-boot").contains("while-running"));
        assert!(refused("kiled/at-boot").contains("killed"));
        assert!(refused("deleted/at-boot,clobbered/first-boot").contains("clobbered/first-boot"));
        assert!(refused("deleted/at-boot,spoilt/at-boot").contains("spoilt/at-boot"));
        assert!(refused("deleted/in-the-middle,killed/while-running").contains("deleted/in-the-middle"));
        assert!(
            "killed"
                .parse::<Injection>()
                .unwrap_err()
                .to_string()
                .contains("device-deleted/at-boot")
        );
    }

    #[test]
    fn a_schedule_is_shortened_by_each_of_its_faults() {
        let whole = named("clobbered/at-boot,killed/while-running,deleted/in-the-middle")
            .unwrap()
            .remove(0);
        let names: Vec<String> = simpler(&whole).iter().map(Drill::name).collect();
        assert_eq!(
            names,
            [
                "smoke/killed/while-running,deleted/in-the-middle",
                "smoke/clobbered/at-boot,deleted/in-the-middle",
                "smoke/clobbered/at-boot,killed/while-running",
            ]
        );
        let single = named("killed/while-running").unwrap().remove(0);
        assert!(simpler(&single).is_empty());
    }

    #[test]
    fn a_fault_that_waits_for_a_request_is_tried_without() {
        let held = named("clobbered/at-boot,killed/after-sync").unwrap().remove(0);
        let names: Vec<String> = simpler(&held).iter().map(Drill::name).collect();
        assert_eq!(
            names,
            [
                "smoke/killed/after-sync",
                "smoke/clobbered/at-boot",
                "smoke/clobbered/at-boot,killed/while-running",
            ]
        );
    }

    #[test]
    fn schedules_are_drawn_with_requests_to_wait_for() {
        let drawn = drawn(&known(), &seeded(1), 50).unwrap();
        let moments: BTreeSet<Moment> = drawn
            .iter()
            .flat_map(|drill| drill.schedule().map(|injection| injection.moment))
            .collect();
        assert!(
            Passage::around(Call::Sync)
                .into_iter()
                .all(|passage| moments.contains(&Moment::Passage(passage)))
        );
    }
}
