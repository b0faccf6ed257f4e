//! `knockproof list`.

use std::io::{self, Write};

use harness::{
    check, fault,
    homeserver::{Choice, Flavor, look},
};

use super::Exit;
use crate::{
    bench, catalogue,
    plan::{Moment, meaning},
};

/// Names everything that can be named on the command line.
pub(super) async fn run(out: &mut impl Write) -> Exit {
    let mut at_hand = Vec::new();
    for flavor in Flavor::ALL {
        let found = look(&Choice::Flavor(flavor)).await;
        at_hand.push((
            flavor,
            found.map(|selection| selection.why).map_err(|error| error.to_string()),
        ));
    }
    // A closed pipe (`knockproof list | head`) has seen enough.
    match write(out, &at_hand) {
        Ok(()) => Exit::Passed,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Passed,
        Err(_) => Exit::CouldNotRun,
    }
}

fn write(out: &mut impl Write, homeservers: &[(Flavor, Result<String, String>)]) -> io::Result<()> {
    writeln!(out, "Scenarios (--scenario)")?;
    for scenario in catalogue::scenarios() {
        writeln!(out, "  {}: {}", scenario.name(), scenario.summary())?;
        for (number, step) in scenario.steps().iter().enumerate() {
            writeln!(out, "    {:>2} {step}", number + 1)?;
        }
    }
    writeln!(out, "\nFaults (--fault)")?;
    for fault in fault::all() {
        let moments: Vec<&str> = fault.moments().iter().map(|moment| moment.name()).collect();
        writeln!(out, "  {}: {} ({})", fault.name(), fault.summary(), moments.join(", "))?;
    }
    writeln!(out, "\nMoments (--moment)")?;
    for moment in Moment::ALL {
        writeln!(out, "  {moment}: {}", meaning(moment))?;
    }
    writeln!(out, "\nChecks (after every drill)")?;
    for check in check::all() {
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
