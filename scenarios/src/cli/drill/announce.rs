//! What is said of a run before its first drill: what will happen, how long that takes, where the time goes.

use std::{
    collections::{BTreeMap, BTreeSet},
    num::NonZeroUsize,
    thread,
    time::Duration,
};

use harness::{
    batch::Jobs,
    homeserver::{Driver, Selection},
    plan::{Drill, Pace},
    suite::Suite,
};

/// What a drill takes of a core, measured over the main job: on the embedded homeserver, and on real ones, which work too.
const EMBEDDED: Duration = Duration::from_millis(950);
const REAL: Duration = Duration::from_millis(4_200);
/// How long a single drill takes that works, and one that waits.
const ONE: Duration = Duration::from_secs(3);
const ONE_THAT_WAITS: Duration = Duration::from_secs(15);

/// How many drills of what.
pub(super) fn summary(drills: &[Drill], seed: u64) -> String {
    let scenarios: BTreeSet<&str> = drills.iter().map(|drill| drill.scenario.as_str()).collect();
    let homeservers: BTreeSet<&str> = drills.iter().map(|drill| drill.homeserver.as_str()).collect();
    let injections = || drills.iter().filter_map(|drill| drill.injection.as_ref());
    let faults: BTreeSet<&str> = injections().map(|injection| injection.fault.as_str()).collect();
    let broken = injections().count();
    let mut parts = vec![format!("{} plain", drills.len() - broken)];
    if broken > 0 {
        parts.push(format!("{broken} with {}", counted(faults.len(), "fault")));
    }
    if homeservers.len() > 1 {
        parts.push(format!("on {} homeservers", homeservers.len()));
    }
    format!(
        "{}, seed {seed}: {} ({})\n",
        counted(drills.len(), "drill"),
        counted(scenarios.len(), "scenario"),
        parts.join(", ")
    )
}

/// How long they take, and why.
pub(super) fn estimate(
    suite: &Suite,
    drills: &[Drill],
    taken: &BTreeMap<String, Selection>,
    jobs: Jobs,
    prepared_in: Duration,
) -> String {
    let cores = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    let runs: Vec<&Drill> = drills
        .iter()
        .filter(|drill| is_run(suite, drill, taken.get(&drill.homeserver)))
        .collect();
    let waiting = runs.iter().filter(|drill| suite.pace(drill) == Pace::Waits).count();
    let cost = |drill: &&Drill| match taken.get(&drill.homeserver).map(|selection| selection.driver) {
        Some(Driver::Embedded) | None => EMBEDDED,
        Some(_) => REAL,
    };
    let work: Duration = runs.iter().map(cost).sum();
    let workers = u32::try_from(cores.min(jobs.all)).unwrap_or(u32::MAX).max(1);
    let one = if waiting > 0 { ONE_THAT_WAITS } else { ONE };
    let waits = match waiting {
        0 => String::new(),
        _ => format!("\n{waiting} of them mostly wait, for a homeserver that is away or for the operator"),
    };
    format!(
        "prepared in {:.1} s; usually about {} s on {}, {} drills side by side{waits}",
        prepared_in.as_secs_f64(),
        (work / workers).max(one).as_secs(),
        counted(cores, "core"),
        jobs.all.min(runs.len().max(1))
    )
}

/// The plan, a line for each drill: whether it is run where it is known what was taken for its wish.
pub(super) fn plan_lines<'s>(
    suite: &Suite,
    drills: &[Drill],
    taken: impl Fn(&Drill) -> Option<&'s Selection>,
) -> String {
    let line = |drill: &Drill| {
        let why = taken(drill).and_then(|selection| suite.missing(drill, selection));
        let why = why.map_or_else(String::new, |why| format!("  not run, because {why}"));
        format!("  {} on {}{why}\n", drill.name(), drill.homeserver)
    };
    drills.iter().map(line).collect()
}

fn is_run(suite: &Suite, drill: &Drill, selection: Option<&Selection>) -> bool {
    selection.is_none_or(|selection| suite.missing(drill, selection).is_none())
}

fn counted(count: usize, what: &str) -> String {
    match count {
        1 => format!("1 {what}"),
        _ => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use harness::{
        homeserver::Flavor,
        plan::{Wishes, plan},
    };

    use super::*;
    use crate::catalogue;

    fn suite() -> Suite {
        catalogue::suite().unwrap()
    }

    fn main_job() -> Vec<Drill> {
        let wishes = Wishes {
            brief: true,
            ..Wishes::default()
        };
        plan(&suite().known(), &wishes).unwrap()
    }

    fn taken(flavor: Flavor, driver: Driver) -> Selection {
        Selection {
            flavor,
            driver,
            source: String::new(),
            exact: None,
            why: String::new(),
        }
    }

    #[test]
    fn the_first_line_counts_drills_scenarios_and_faults() {
        let said = summary(&main_job()[..1], 7);
        assert_eq!(said, "1 drill, seed 7: 1 scenario (1 plain)\n");
        let said = summary(&main_job(), 7);
        let faults = suite().known().faults.len();
        assert!(said.contains(&format!("with {faults} faults")), "{said}");
    }

    #[test]
    fn more_cores_or_a_real_homeserver_change_what_is_expected() {
        let on = |selection| BTreeMap::from([("auto".to_owned(), selection)]);
        let jobs = Jobs { all: 8, working: 2 };
        let said =
            |taken: &BTreeMap<String, Selection>| estimate(&suite(), &main_job(), taken, jobs, Duration::from_secs(2));
        let embedded = said(&on(taken(Flavor::Embedded, Driver::Embedded)));
        let real = said(&on(taken(Flavor::Conduwuit, Driver::Container)));
        assert_ne!(embedded, real);
        assert!(embedded.starts_with("prepared in 2.0 s; usually about "), "{embedded}");
        assert!(
            embedded.contains("8 drills side by side\n") && embedded.contains("mostly wait"),
            "{embedded}"
        );
    }

    #[test]
    fn the_plan_says_what_will_not_run_and_why() {
        let synapse = taken(Flavor::Synapse, Driver::Process);
        let drills = main_job();
        let said = plan_lines(&suite(), &drills, |_| Some(&synapse));
        assert_eq!(said.lines().count(), drills.len());
        assert!(
            said.contains("not run, because synapse lets several tokens of a device live"),
            "{said}"
        );
    }
}
