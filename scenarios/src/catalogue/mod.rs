//! Everything there is, by name.

use std::sync::LazyLock;

use harness::{
    contract::{Contract, Error},
    fault::{Call, Fault, Faults, Outcome, Passage},
    plan::{Drill, Injection, Moment},
    scenario::Scenario,
    suite::Suite,
};

use crate::{
    bot_build, community, contract, faults, marks,
    scenario::{
        announcements::Announcements, commands::Commands, edge_cases::EdgeCases, history::History, lobby::Lobby,
        many_at_once::ManyAtOnce, restarts::Restarts, signup_refusals::SignupRefusals, smoke::Smoke,
        space_rules::SpaceRules, vetting::Vetting,
    },
};

/// What knock-approver is drilled with.
///
/// # Errors
///
/// As [`contract::knock_approver`].
pub fn suite() -> Result<Suite, Error> {
    let suite = Suite::of(contract::knock_approver()?)
        .with_scenarios(scenarios())
        .with_faults(all_faults().clone())
        .with_few_for_others(of_others())
        .passing(passages())
        .in_worlds(|options, contract| Box::pin(community::of(options, contract)));
    Ok(here(suite))
}

/// What a bot with a contract of its own is drilled with.
pub fn suite_of(contract: Contract) -> Suite {
    here(Suite::of(contract))
}

/// With the marks of bots on `session-keeper`, and repeated by the command that this program is.
fn here(suite: Suite) -> Suite {
    let program = match bot_build::own_profile() {
        Some(_) => "cargo knockproof",
        None => "knockproof",
    };
    suite.marked_by(marks::in_line).repeated_by(program)
}

/// knock-approver's second identity, and both.
const ONBOARDING: &[&str] = &["onboarding"];
const BOTH: &[&str] = &["approver", "onboarding"];

/// What the main job drills for others than the first identity: what becomes of each kind of credential, alone and at once with the first's,
/// and the second losing its device in the middle of its own work. All of it is in the tests.
const OF_OTHERS: [(&str, &str, Moment, &[&str]); 10] = [
    ("smoke", "env-token-clobbered", Moment::FirstBoot, ONBOARDING),
    ("smoke", "env-token-clobbered", Moment::AtBoot, BOTH),
    ("smoke", "password-reset", Moment::AtBoot, BOTH),
    ("smoke", "password-reset", Moment::WhileRunning, ONBOARDING),
    ("smoke", "all-devices-deleted", Moment::WhileRunning, BOTH),
    ("smoke", "crypto-store-lost", Moment::AtBoot, ONBOARDING),
    ("smoke", "crypto-store-lost", Moment::AtBoot, BOTH),
    ("smoke", "no-password", Moment::WhileRunning, ONBOARDING),
    ("smoke", "wrong-password", Moment::AtBoot, BOTH),
    ("lobby", "device-deleted", Moment::InTheMiddle, ONBOARDING),
];

/// What knock-approver asks for whenever it starts.
fn passages() -> Vec<Passage> {
    let calls = [
        Call::Whoami,
        Call::KeysQuery,
        Call::AccountData,
        Call::Sync,
        Call::RoomState,
        Call::AccountDataWritten,
    ];
    calls.into_iter().flat_map(Passage::around).collect()
}

fn of_others() -> Vec<(&'static str, Injection)> {
    let others = OF_OTHERS.map(|(scenario, fault, moment, hit)| {
        let hit: Vec<String> = hit.iter().map(|name| (*name).to_owned()).collect();
        (scenario, Injection::new(fault, moment).hitting(&hit))
    });
    others.to_vec()
}

/// Every scenario, in the order in which they run.
pub fn scenarios() -> Vec<Box<dyn Scenario>> {
    vec![
        Box::new(Smoke),
        Box::new(Vetting),
        Box::new(Lobby),
        Box::new(Commands),
        Box::new(Announcements),
        Box::new(History),
        Box::new(SpaceRules),
        Box::new(EdgeCases),
        Box::new(SignupRefusals),
        Box::new(Restarts),
        Box::new(ManyAtOnce),
    ]
}

/// The scenario of that name.
pub fn scenario(name: &str) -> Option<Box<dyn Scenario>> {
    scenarios().into_iter().find(|scenario| scenario.name() == name)
}

/// Every fault, in the order in which they are drilled.
pub fn all_faults() -> &'static Faults {
    static FAULTS: LazyLock<Faults> = LazyLock::new(faults::all);
    &FAULTS
}

/// The fault of that name.
pub fn fault(name: &str) -> Option<&'static Fault> {
    all_faults().named(name)
}

/// The suite of tests that a drill belongs to: what its name as a test begins with.
pub fn test_suite(drill: &Drill) -> String {
    let Some(injection) = drill.injection.as_ref().filter(|_| drill.scenario == Smoke.name()) else {
        return drill.scenario.replace('-', "_");
    };
    let heals =
        fault(&injection.fault).is_none_or(|fault| fault.expectation(injection.moment).outcome == Outcome::Heals);
    match injection.moment {
        _ if !injection.identities.is_empty() => "healing_identities",
        _ if !heals => "healing_unhealable",
        Moment::FirstBoot | Moment::AtBoot => "healing_boot",
        Moment::WhileRunning | Moment::Passage(_) => "healing_running",
        Moment::InTheMiddle => "healing_middle",
    }
    .to_owned()
}

/// The name of a drill as a test: `smoke_passes_after::env_token_clobbered::at_boot`, or `smoke_passes`; where others than the first identity
/// are hit, with their names.
pub fn test_name(drill: &Drill) -> String {
    let name = match &drill.injection {
        Some(injection) if injection.moment == Moment::InTheMiddle => {
            format!("{}_passes_through::{}", drill.scenario, injection.fault)
        }
        Some(injection) => format!(
            "{}_passes_after::{}::{}",
            drill.scenario, injection.fault, injection.moment
        ),
        None => format!("{}_passes", drill.scenario),
    };
    let hit = match drill.identities() {
        [] => String::new(),
        identities => format!("::{}", identities.join("_and_")),
    };
    format!("{name}{hit}").replace('-', "_")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use harness::plan::{Wishes, plan};

    #[test]
    fn traffic_means_every_known_point_of_it() {
        let wishes = Wishes {
            faults: vec!["device-deleted".to_owned()],
            scenarios: vec!["smoke".to_owned()],
            moments: vec!["traffic".to_owned()],
            ..Wishes::default()
        };
        let drills = plan(&suite().unwrap().known(), &wishes).unwrap();
        assert_eq!(drills.len(), passages().len());
        assert_eq!(drills[0].name(), "smoke/device-deleted/before-whoami");
    }

    fn planned() -> Vec<Drill> {
        plan(&suite().unwrap().known(), &Wishes::default()).unwrap()
    }

    #[test]
    fn every_scenario_declares_steps_of_different_names() {
        for scenario in scenarios() {
            let names: BTreeSet<&&str> = scenario.steps().iter().collect();
            assert!(!names.is_empty(), "{} has no steps", scenario.name());
            assert_eq!(
                names.len(),
                scenario.steps().len(),
                "{} has two steps of one name",
                scenario.name()
            );
        }
    }

    /// The numbers of checks that were promised.
    #[test]
    fn the_scenarios_have_as_many_steps_as_they_must() {
        for (name, steps) in [
            ("smoke", 18),
            ("vetting", 22),
            ("lobby", 27),
            ("commands", 7),
            ("announcements", 8),
            ("history", 8),
            ("space-rules", 5),
        ] {
            let found = scenario(name).unwrap().steps().len();
            assert!(found >= steps, "{name} has {found} steps, not {steps}");
        }
    }

    #[test]
    fn every_drill_has_a_test_of_its_own() {
        let drills = planned();
        let names: BTreeSet<(String, String)> = drills
            .iter()
            .map(|drill| (test_suite(drill), test_name(drill)))
            .collect();
        assert_eq!(names.len(), drills.len());
    }

    #[test]
    fn the_main_job_plans_every_fault_at_every_moment_that_it_declares() {
        let brief = Wishes {
            brief: true,
            ..Wishes::default()
        };
        let drills = plan(&suite().unwrap().known(), &brief).unwrap();
        let planned: BTreeSet<String> = drills.iter().map(Drill::name).collect();
        let faults = suite().unwrap().known().faults;
        let pairs = faults
            .iter()
            .flat_map(|fault| fault.moments.iter().map(move |moment| (&fault.name, moment)));
        let missing: Vec<String> = pairs
            .map(|(fault, moment)| format!("smoke/{fault}/{moment}"))
            .filter(|name| !planned.contains(name))
            .collect();
        assert_eq!(missing, Vec::<String>::new());
    }

    #[test]
    fn the_main_job_drills_what_it_promises_for_the_second_identity_alone_and_for_both() {
        let brief = Wishes {
            brief: true,
            ..Wishes::default()
        };
        let drills = plan(&suite().unwrap().known(), &brief).unwrap();
        let of_others: Vec<&Drill> = drills.iter().filter(|drill| !drill.identities().is_empty()).collect();
        assert_eq!(of_others.len(), OF_OTHERS.len());
        let whole: BTreeSet<String> = planned().iter().map(Drill::name).collect();
        for drill in &of_others {
            assert!(whole.contains(&drill.name()), "{drill} is in no test");
        }
        for hit in [ONBOARDING, BOTH] {
            assert!(of_others.iter().any(|drill| drill.identities() == hit));
        }
    }

    /// A fault that no scenario meets in its middle is listed for nothing.
    #[test]
    fn the_faults_in_the_middle_exist_and_make_sense_there() {
        for scenario in scenarios() {
            for name in scenario.middle() {
                let fault = fault(name).unwrap_or_else(|| panic!("{}: no fault {name}", scenario.name()));
                assert!(
                    fault.moments().contains(&Moment::InTheMiddle),
                    "{name} makes no sense in the middle"
                );
            }
        }
    }
}
