//! `knockproof contract`.

use std::{
    io::{self, Write},
    path::Path,
};

use harness::{
    contract::Contract,
    fault::{Fault, Faults},
    homeserver::Flavor,
};

use super::{Exit, refuse};

/// Says whether a file is a contract, and which faults its bot can be drilled with.
pub(super) fn run(file: &Path, out: &mut impl Write) -> Exit {
    let contract = match Contract::read(file) {
        Ok(contract) => contract,
        Err(error) => return refuse(&format!("{}: {error}", file.display())),
    };
    // A closed pipe has seen enough.
    match write(&contract, out) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::CouldNotRun,
        _ => Exit::Passed,
    }
}

fn write(contract: &Contract, out: &mut impl Write) -> io::Result<()> {
    let faults = Faults::standard();
    // What lacks on the homeserver that lacks least lacks of the bot.
    let lacking = |fault: &Fault| fault.lacking(contract, Flavor::Conduwuit);
    let (not, can): (Vec<_>, Vec<_>) = faults.iter().partition(|fault| lacking(fault).is_some());
    writeln!(out, "{} has a sound contract.\n\nIt is drilled with", contract.name)?;
    for fault in &can {
        writeln!(out, "  {}: {}", fault.name(), fault.summary())?;
    }
    if !not.is_empty() {
        writeln!(out, "\nIt is not drilled with")?;
    }
    for fault in &not {
        let why = lacking(fault).unwrap_or_default();
        writeln!(out, "  {}: not applicable, because {why}", fault.name())?;
    }
    Ok(())
}
