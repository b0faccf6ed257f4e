//! All tests that need a world: drills, the conformance suite, other people's clients, a browser, the doctor, rooms
//! that change, people who verify the bot.
//!
//! One binary, for each one links the whole Matrix stack. A test's name begins with its suite, as in `smoke::smoke_passes` or
//! `conformance::embedded::synapse::rooms::create`.
//!
//! Not the standard test harness: that has no way to say at run time that a test cannot run here, and what cannot run must never count as
//! passed. Such a test is listed as ignored, with the reason in front of its name.

#![expect(
    clippy::print_stderr,
    reason = "a test binary without libtest tells people itself what is wrong"
)]

mod browser;
mod clients;
mod community;
mod conformance;
mod doctor;
mod drills;
mod log;
mod outside;
mod past;
mod rooms;
mod two_servers;
mod verify;

use std::process::ExitCode;

use harness::homeserver::Choice;
use libtest_mimic::{Arguments, Trial};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match trials(&arguments) {
        Ok(trials) => libtest_mimic::run(&arguments, trials).exit_code(),
        Err(why) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
    }
}

/// The tests. Where a single one is wished for, as nextest does it, the others are not looked for: that costs more than many of them.
fn trials(arguments: &Arguments) -> Result<Vec<Trial>, String> {
    let single = arguments.filter.as_deref().filter(|_| arguments.exact);
    let suite = single.and_then(|name| name.split("::").next());
    let wished = |name: &str| suite.is_none_or(|suite| suite == name);
    let mut trials = drills::trials(|name| single.is_none_or(|single| single == name))?;
    if wished("conformance") {
        trials.extend(conformance::trials(
            Choice::from_env().map_err(|error| error.to_string())?,
        ));
    }
    if wished("browser") {
        trials.extend(browser::trials());
    }
    if wished("community") {
        trials.extend(community::trials());
    }
    if wished("clients") {
        trials.extend(clients::trials());
    }
    if wished("doctor") {
        trials.extend(doctor::trials());
    }
    if wished("log") {
        trials.extend(log::trials());
    }
    if wished("past") {
        trials.extend(past::trials());
    }
    if wished("rooms") {
        trials.extend(rooms::trials());
    }
    if wished("two_servers") {
        trials.extend(two_servers::trials());
    }
    if wished("verify") {
        trials.extend(verify::trials());
    }
    Ok(trials)
}
