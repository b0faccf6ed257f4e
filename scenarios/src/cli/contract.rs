//! `knockproof contract`.

use std::io::{self, Write};

use harness::{
    contract::Contract,
    fault::{Fault, Faults},
    homeserver::Flavor,
};

use super::{Exit, args::ContractCommand, refuse};

pub(super) fn run(command: &ContractCommand, out: &mut impl Write) -> Exit {
    let written = match command {
        ContractCommand::Check { file } => match Contract::read(file) {
            Ok(contract) => drilled_with(&contract, out),
            Err(error) => return refuse(&format!("{}: {error}", file.display())),
        },
        ContractCommand::Schema => writeln!(out, "{:#}", Contract::schema()),
    };
    match written {
        // A closed pipe has seen enough.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Exit::CouldNotRun,
        _ => Exit::Passed,
    }
}

/// What it runs in, where that is no process of this machine.
fn contained(contract: &Contract) -> String {
    let told = |image: &String| format!(" It runs in a container of the image {image}.");
    contract.image.as_ref().map_or_else(String::new, told)
}

/// Says which faults the bot can be drilled with, and why not with the rest.
fn drilled_with(contract: &Contract, out: &mut impl Write) -> io::Result<()> {
    let faults = Faults::standard();
    // What lacks on the homeserver that lacks least lacks of the bot.
    let lacking = |fault: &Fault| fault.lacking(contract, Flavor::Conduwuit);
    let (not, can): (Vec<_>, Vec<_>) = faults.iter().partition(|fault| lacking(fault).is_some());
    writeln!(
        out,
        "{} has a sound contract.{}\n\nIt is drilled with",
        contract.name,
        contained(contract)
    )?;
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
