//! The searches.

use std::time::Instant;

use rstest::rstest;
use stateright::{Checker, HasDiscoveries, Model};

use super::{
    decisions::{Decisions, Real},
    defects::{
        ForgetsDevices, GivesUp, KeepsRefusedId, LogsInAnyway, NeverCompares, NeverYields, PrefersTheGivenToken,
        ReplacesTheHealthy, StartsAfresh, TakesAnybodysToken, TakesOutagesForDeath, TriesAgain, TriesElsewhere,
    },
    events::Event,
    search::{FIGHT, FOR_NOTHING, FOREIGN, HEALS, Search, THROWN_AWAY, TWO_DEVICES, WHILE_ALIVE},
    state::Bounds,
};

/// So many take seconds, one more a minute: `SESSION_KEEPER_MODEL_FAULTS` has another number.
const FAULTS: u8 = 2;
/// A rival that logs in so often makes the bot stop twice.
const TAKES: u8 = 7;

const ANY_FAULT: Bounds = Bounds { faults: 1, rival: None };
const TWO_FAULTS: Bounds = Bounds { faults: 2, rival: None };
const THREE_FAULTS: Bounds = Bounds { faults: 3, rival: None };
const RIVAL: Bounds = Bounds {
    faults: 0,
    rival: Some(TAKES),
};

fn faults() -> u8 {
    let given = std::env::var("SESSION_KEEPER_MODEL_FAULTS").ok();
    given.map_or(FAULTS, |given| {
        given.parse().expect("SESSION_KEEPER_MODEL_FAULTS is a number")
    })
}

/// Goes through all states, or until something is found.
fn search(decisions: impl Decisions + 'static, bounds: Bounds, until: HasDiscoveries) -> impl Checker<Search> {
    Search::new(decisions, bounds)
        .checker()
        .finish_when(until)
        .spawn_bfs()
        .join()
}

/// A way to where a rule is broken.
fn counterexample(decisions: impl Decisions + 'static, bounds: Bounds, rule: &'static str) -> Vec<Event> {
    let checker = search(decisions, bounds, HasDiscoveries::AnyOf([rule].into()));
    let path = checker.discovery(rule).expect("a counterexample");
    let way = path.into_actions();
    println!("{rule}: {way:?}");
    way
}

#[rstest]
#[case::whatever_fails(Bounds { faults: faults(), rival: None }, 50_000)]
#[case::a_rival(RIVAL, 500)]
fn no_rule_is_broken_and_every_state_heals(#[case] bounds: Bounds, #[case] at_least: usize) {
    let began = Instant::now();
    let checker = search(Real, bounds, HasDiscoveries::AnyFailures);
    if let Some((rule, path)) = checker.discoveries().into_iter().next() {
        let state = path.last_state().clone();
        panic!("{rule}: {:?}\n{state:?}", path.into_actions());
    }
    let states = checker.unique_state_count();
    println!(
        "{bounds:?}: {states} unique states, {} steps deep, healed after at most {} quiet ones, in {:?}",
        checker.max_depth(),
        checker.model().longest_healing(),
        began.elapsed()
    );
    assert!(
        states >= at_least || bounds.faults < FAULTS && bounds.rival.is_none(),
        "only {states} states: the model explores nothing"
    );
}

#[rstest]
#[case::logs_in_anyway(LogsInAnyway, ANY_FAULT, WHILE_ALIVE)]
#[case::starts_afresh(StartsAfresh, ANY_FAULT, THROWN_AWAY)]
#[case::replaces_the_healthy(ReplacesTheHealthy, ANY_FAULT, THROWN_AWAY)]
#[case::prefers_the_given_token(PrefersTheGivenToken, ANY_FAULT, THROWN_AWAY)]
#[case::takes_anybodys_token(TakesAnybodysToken, ANY_FAULT, FOREIGN)]
#[case::takes_outages_for_death(TakesOutagesForDeath, ANY_FAULT, WHILE_ALIVE)]
#[case::tries_again(TriesAgain, ANY_FAULT, FOR_NOTHING)]
#[case::tries_elsewhere(TriesElsewhere, ANY_FAULT, FOR_NOTHING)]
#[case::gives_up(GivesUp, ANY_FAULT, HEALS)]
#[case::never_compares(NeverCompares, ANY_FAULT, HEALS)]
#[case::forgets_devices(ForgetsDevices, TWO_FAULTS, TWO_DEVICES)]
#[case::keeps_refused_id(KeepsRefusedId, THREE_FAULTS, HEALS)]
#[case::never_yields(NeverYields, RIVAL, FIGHT)]
fn a_defect_is_found(#[case] defect: impl Decisions + 'static, #[case] bounds: Bounds, #[case] rule: &'static str) {
    assert!(!counterexample(defect, bounds, rule).is_empty());
}
