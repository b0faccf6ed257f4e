//! `knockproof list`.

use std::io::{self, Write};

use harness::{
    fault::{Passage, Reach},
    homeserver::{Choice, Flavor, look},
    plan::{Drill, Moment, Wishes, meaning, plan, whom},
    suite::Suite,
};

use super::{Exit, refuse};
use crate::{bench, catalogue};

/// Names everything that can be named on the command line.
pub(super) async fn run(out: &mut impl Write) -> Exit {
    let suite = match catalogue::suite() {
        Ok(suite) => suite,
        Err(error) => return refuse(&error.to_string()),
    };
    let mut at_hand = Vec::new();
    for flavor in Flavor::ALL {
        let found = look(&Choice::Flavor(flavor)).await;
        at_hand.push((
            flavor,
            found.map(|selection| selection.why).map_err(|error| error.to_string()),
        ));
    }
    // A closed pipe (`knockproof list | head`) has seen enough.
    match write(out, &suite, &at_hand) {
        Ok(()) => Exit::Passed,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Passed,
        Err(_) => Exit::CouldNotRun,
    }
}

/// What `knockproof drill` runs without a wish.
fn main_job(suite: &Suite) -> Vec<Drill> {
    let wishes = Wishes {
        brief: true,
        ..Wishes::default()
    };
    // Without a wish there is nothing to refuse.
    plan(&suite.known(), &wishes).unwrap_or_default()
}

/// The scenarios that a fault is drilled with at a moment, where others than the first identity are hit with their names.
fn scenarios_of(planned: &[Drill], fault: &str, moment: Moment) -> String {
    let is_of = |drill: &&Drill| {
        let injection = drill.injection.as_ref();
        injection.is_some_and(|injection| injection.fault == fault && injection.moment == moment)
    };
    let name = |drill: &Drill| match drill.identities() {
        [] => drill.scenario.clone(),
        hit => format!("{} (for {})", drill.scenario, hit.join(" and ")),
    };
    let names: Vec<String> = planned.iter().filter(is_of).map(name).collect();
    match names.is_empty() {
        true => "not in the main job".to_owned(),
        false => names.join(", "),
    }
}

fn moments(out: &mut impl Write, passages: &[Passage]) -> io::Result<()> {
    writeln!(out, "\nMoments (--moment)")?;
    for moment in Moment::ALL {
        writeln!(out, "  {moment}: {}", meaning(moment))?;
    }
    if let Some(first) = passages.first() {
        let all: Vec<String> = passages.iter().map(ToString::to_string).collect();
        let meaning = meaning(Moment::Passage(*first));
        writeln!(out, "  {}, or `traffic` for all of these: {meaning}", all.join(", "))?;
    }
    Ok(())
}

fn write(out: &mut impl Write, suite: &Suite, homeservers: &[(Flavor, Result<String, String>)]) -> io::Result<()> {
    writeln!(out, "Scenarios (--scenario)")?;
    for scenario in suite.scenarios() {
        writeln!(out, "  {}: {}", scenario.name(), scenario.summary())?;
        for (number, step) in scenario.steps().iter().enumerate() {
            writeln!(out, "    {:>2} {step}", number + 1)?;
        }
    }
    let planned = main_job(suite);
    writeln!(
        out,
        "\nFaults (--fault), and the scenarios that the main job drills each with"
    )?;
    for fault in suite.faults().iter() {
        writeln!(out, "  {}: {}", fault.name(), fault.summary())?;
        if fault.reach() != Reach::Bot {
            writeln!(out, "    hits {}", whom(fault.reach()))?;
        }
        for moment in fault.moments() {
            writeln!(out, "    {moment}: {}", scenarios_of(&planned, fault.name(), *moment))?;
        }
    }
    moments(out, &suite.known().passages)?;
    writeln!(
        out,
        "\nIdentities (--identity); each fault says whom it hits, unless that is the bot as a whole"
    )?;
    for (place, name) in suite.known().identities.iter().enumerate() {
        let meaning = if place == 0 {
            "hit where none is named"
        } else {
            "there where it is named"
        };
        writeln!(out, "  {name}: {meaning}")?;
    }
    writeln!(out, "\nChecks (after every drill)")?;
    for check in suite.checks().iter() {
        writeln!(out, "  {}: {}", check.name, check.summary)?;
    }
    writeln!(out, "\nBenches (knockproof bench --only)")?;
    for bench in bench::all() {
        writeln!(out, "  {}: {}", bench.name(), bench.summary())?;
    }
    writeln!(out, "\nHomeservers (--homeserver)")?;
    for (flavor, found) in homeservers {
        match found {
            Ok(why) => writeln!(out, "  {flavor}: {why}")?,
            Err(missing) => writeln!(out, "  {flavor}: not at hand: {missing}")?,
        }
    }
    Ok(())
}
