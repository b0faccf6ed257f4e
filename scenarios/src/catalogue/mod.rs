//! Everything there is, by name.

use std::sync::LazyLock;

use harness::fault::{Fault, Faults, Outcome};

use crate::{
    faults,
    plan::{Drill, Known, KnownFault, KnownScenario, Moment},
    scenario::{
        Scenario, announcements::Announcements, commands::Commands, edge_cases::EdgeCases, history::History,
        lobby::Lobby, many_at_once::ManyAtOnce, ping::Ping, restarts::Restarts, signup_refusals::SignupRefusals,
        smoke::Smoke, space_rules::SpaceRules, vetting::Vetting,
    },
};

/// The faults that a ping meets in its middle where a scenario's own are wished for.
const IN_PING: &[&str] = &["device-deleted", "bot-killed"];

/// The scenario that every fault is drilled with.
const DRILLED: &str = "smoke";

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
    let mut all = scenarios().into_iter().chain([Box::new(Ping) as Box<dyn Scenario>]);
    all.find(|scenario| scenario.name() == name)
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

/// Everything, for planning.
pub fn known() -> Known {
    let scenarios = scenarios().into_iter().map(|scenario| KnownScenario {
        name: scenario.name(),
        middle: scenario.middle(),
        drilled_with_every_fault: scenario.name() == DRILLED,
    });
    let faults = all_faults()
        .iter()
        .map(|fault| KnownFault {
            name: fault.name().to_owned(),
            moments: fault.moments().to_vec(),
        })
        .collect();
    Known {
        scenarios: scenarios.collect(),
        faults,
    }
}

/// What a bot with a contract of its own is drilled with: the ping, after every fault of the harness and in the middle of it.
pub fn known_of_any_bot() -> Known {
    let faults = Faults::standard();
    let faults = faults.iter().map(|fault| KnownFault {
        name: fault.name().to_owned(),
        moments: fault.moments().to_vec(),
    });
    Known {
        scenarios: vec![KnownScenario {
            name: Ping.name(),
            middle: IN_PING,
            drilled_with_every_fault: true,
        }],
        faults: faults.collect(),
    }
}

/// The suite that a drill belongs to: what its name as a test begins with.
pub fn suite(drill: &Drill) -> String {
    let Some(subject) = drill.subject.as_ref().filter(|_| drill.scenario == DRILLED) else {
        return drill.scenario.replace('-', "_");
    };
    let heals = fault(&subject.fault).is_none_or(|fault| fault.expectation(subject.moment).outcome == Outcome::Heals);
    match subject.moment {
        _ if !heals => "healing_unhealable",
        Moment::FirstBoot | Moment::AtBoot => "healing_boot",
        Moment::WhileRunning => "healing_running",
        Moment::InTheMiddle => "healing_middle",
    }
    .to_owned()
}

/// The name of a drill as a test: `smoke_passes_after::env_token_clobbered::at_boot`, or `smoke_passes`.
pub fn test_name(drill: &Drill) -> String {
    let name = match &drill.subject {
        Some(subject) if subject.moment == Moment::InTheMiddle => {
            format!("{}_passes_through::{}", drill.scenario, subject.fault)
        }
        Some(subject) => format!("{}_passes_after::{}::{}", drill.scenario, subject.fault, subject.moment),
        None => format!("{}_passes", drill.scenario),
    };
    name.replace('-', "_")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::plan::{Wishes, plan};

    fn planned() -> Vec<Drill> {
        plan(&known(), &Wishes::default()).unwrap()
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
        let names: BTreeSet<(String, String)> = drills.iter().map(|drill| (suite(drill), test_name(drill))).collect();
        assert_eq!(names.len(), drills.len());
    }

    #[test]
    fn the_main_job_plans_every_fault_at_every_moment_that_it_declares() {
        let brief = Wishes {
            brief: true,
            ..Wishes::default()
        };
        let drills = plan(&known(), &brief).unwrap();
        let planned: BTreeSet<String> = drills.iter().map(Drill::name).collect();
        let faults = known().faults;
        let pairs = faults
            .iter()
            .flat_map(|fault| fault.moments.iter().map(move |moment| (&fault.name, moment)));
        let missing: Vec<String> = pairs
            .map(|(fault, moment)| format!("{DRILLED}/{fault}/{moment}"))
            .filter(|name| !planned.contains(name))
            .collect();
        assert_eq!(missing, Vec::<String>::new());
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
