//! Bots that are wrong on purpose: each turns exactly its check red, and the sound one is green through the same trouble.
//!
//! The bot is this program itself, started with a role: so it is always built, and never shipped.

#![expect(clippy::unwrap_used, reason = "the double is a test too")]
#![expect(clippy::print_stderr, reason = "a bot that prints its token prints it")]

mod defect;
mod double;
mod play;

use std::process::ExitCode;

use defect::Defect;
use libtest_mimic::{Arguments, Failed, Trial};
use play::{Trouble, play};

/// Says what this program is to be.
pub(crate) const ROLE: &str = "KNOCKPROOF_TEST_ROLE";

/// A defect, the trouble in which it shows, and the check that has to find it.
const TABLE: [(Defect, Trouble, &str); 14] = [
    (Defect::LogsToken, Trouble::Restart, "no-secret-shown"),
    (Defect::SaysToken, Trouble::Restart, "no-secret-shown"),
    (Defect::DropsToken, Trouble::Restart, "no-secret-shown"),
    (Defect::AnswersTwice, Trouble::Restart, "exactly-once"),
    (Defect::LogsInDuringOutage, Trouble::Outage, "no-needless-login"),
    (Defect::LeavesDevice, Trouble::DeviceDeleted, "device-continuity"),
    (Defect::IgnoresSigterm, Trouble::Outage, "ends-on-sigterm"),
    (Defect::ExitsWithFailure, Trouble::Restart, "ends-on-sigterm"),
    (Defect::Panics, Trouble::DeviceDeleted, "no-panic"),
    (Defect::Dies, Trouble::DeviceDeleted, "no-panic"),
    (Defect::UsesAnyToken, Trouble::TokenOfAnother, "own-tokens"),
    (Defect::Cries, Trouble::DeviceDeleted, "no-false-alarm"),
    (Defect::HealsLate, Trouble::DeviceDeleted, "in-time"),
    (Defect::DoesNothing, Trouble::Restart, "exactly-once"),
];

fn main() -> ExitCode {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    if std::env::var(ROLE).is_ok_and(|role| role == "double") {
        return runtime().block_on(double::run());
    }
    let sound = Trouble::ALL.map(|trouble| {
        Trial::test(format!("sound::{trouble:?}"), move || {
            judged(&runtime(), None, trouble, None)
        })
    });
    let defective = TABLE.map(|(defect, trouble, check)| {
        Trial::test(format!("defective::{defect}"), move || {
            judged(&runtime(), Some(defect), trouble, Some(check))
        })
    });
    let complete = Trial::test("every_defect_is_in_the_table", || {
        let missing = Defect::ALL
            .iter()
            .find(|defect| !TABLE.iter().any(|(known, ..)| known == *defect));
        missing.map_or(Ok(()), |defect| Err(format!("{defect} is not in the table").into()))
    });
    let trials = sound.into_iter().chain(defective).chain([complete]).collect();
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Plays, and demands that this check is red, or none, and no other.
fn judged(
    runtime: &tokio::runtime::Runtime,
    defect: Option<Defect>,
    trouble: Trouble,
    check: Option<&str>,
) -> Result<(), Failed> {
    let findings = runtime.block_on(play(defect, trouble))?;
    let red: Vec<&str> = findings
        .iter()
        .filter(|finding| finding.is_broken())
        .map(|finding| finding.check.as_str())
        .collect();
    if red == check.into_iter().collect::<Vec<_>>() {
        return Ok(());
    }
    let lines: Vec<String> = findings
        .iter()
        .map(|finding| format!("{:?} {}: {}", finding.verdict, finding.check, finding.evidence))
        .collect();
    Err(format!("red are {red:?} instead of {check:?}:\n  {}", lines.join("\n  ")).into())
}
