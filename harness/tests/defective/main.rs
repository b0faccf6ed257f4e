//! Bots that are wrong on purpose: each turns exactly its check red, and the sound one is green through the same trouble. And faults that do
//! not happen: each fails its drill.
//!
//! The bot is this program itself, started with a role: so it is always built, and never shipped. In an image it is that too.

#![expect(clippy::unwrap_used, reason = "the double is a test too")]
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "bots say how they are, and one prints its token"
)]

mod contained;
mod defect;
mod double;
mod drilled;
mod encrypted;

use std::process::ExitCode;

use defect::Defect;
use drilled::{Double, Trouble, drilled, red};
use knockproof_harness::{fault::Moment, report::Verdict};
use libtest_mimic::{Arguments, Failed, Trial};

/// Says what this program is to be.
const ROLE: &str = "KNOCKPROOF_TEST_ROLE";

const RESTART: Trouble = ("env-token-empty", Moment::AtBoot);
const TOKEN_OF_ANOTHER: Trouble = ("env-token-of-another-user", Moment::AtBoot);
const OUTAGE: Trouble = ("front-door-502", Moment::WhileRunning);
const DEVICE_DELETED: Trouble = ("device-deleted", Moment::WhileRunning);
const IN_A_HURRY: Trouble = ("device-deleted-in-a-hurry", Moment::WhileRunning);
const WRONG_PASSWORD: Trouble = ("wrong-password", Moment::WhileRunning);

const TROUBLES: [Trouble; 6] = [
    RESTART,
    TOKEN_OF_ANOTHER,
    OUTAGE,
    DEVICE_DELETED,
    IN_A_HURRY,
    WRONG_PASSWORD,
];

/// A defect, the trouble in which it shows, and what has to find it: a check, two where it does two wrongs, or a step of the ping where there
/// is nothing left to be checked.
const TABLE: [(Defect, Trouble, &[&str]); 22] = [
    (Defect::LogsToken, RESTART, &["no-secret-shown"]),
    (Defect::SaysToken, RESTART, &["no-secret-shown"]),
    (Defect::DropsToken, RESTART, &["no-secret-shown"]),
    (Defect::AnswersTwice, RESTART, &["exactly-once"]),
    (Defect::LogsInDuringOutage, OUTAGE, &["no-needless-login"]),
    (Defect::LeavesDevice, DEVICE_DELETED, &["device-continuity"]),
    (Defect::LogsInOften, DEVICE_DELETED, &["no-login-storm"]),
    (
        Defect::LogsOthersOut,
        DEVICE_DELETED,
        &["others-unharmed", "own-tokens"],
    ),
    (Defect::IgnoresSigterm, OUTAGE, &["ends-on-sigterm"]),
    (Defect::ExitsWithFailure, RESTART, &["ends-on-sigterm"]),
    (Defect::Panics, DEVICE_DELETED, &["no-panic"]),
    (Defect::Dies, DEVICE_DELETED, &["no-panic"]),
    (Defect::UsesAnyToken, TOKEN_OF_ANOTHER, &["own-tokens"]),
    (Defect::Cries, DEVICE_DELETED, &["no-false-alarm"]),
    (Defect::SaysNoStep, WRONG_PASSWORD, &["operator-told"]),
    (Defect::NamesAnotherUser, DEVICE_DELETED, &["identity"]),
    (Defect::HealsLate, IN_A_HURRY, &["in-time"]),
    (
        Defect::DoesNothing,
        RESTART,
        &["step: the bot answers what it is asked"],
    ),
    (Defect::AnswersInClear, OUTAGE, &["encrypted-round-trip"]),
    (Defect::SignsNothing, OUTAGE, &["trust"]),
    (Defect::DropsHistory, OUTAGE, &["history-readable"]),
    (Defect::LosesTrust, OUTAGE, &["trust-kept"]),
];

/// A fault that does not happen, and what has to find it.
const UNFIRED: [(Trouble, &str); 2] = [
    (
        ("never-met", Moment::WhileRunning),
        "step: fault: never-met while-running",
    ),
    (("only-claimed", Moment::WhileRunning), "fault-fired"),
];

fn main() -> ExitCode {
    let runtime = || {
        tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap()
    };
    match std::env::var(ROLE).as_deref() {
        Ok("double") => return runtime().block_on(double::run()),
        Ok("encrypted") => return runtime().block_on(encrypted::run()),
        _ => {}
    }
    let trial = |name: String, double, defect, trouble, wanted: &'static [&'static str]| {
        Trial::test(name, move || judged(&runtime(), double, defect, trouble, wanted))
    };
    let sound = |trouble: Trouble| trial(format!("sound::{}", trouble.0), Double::Plain, None, trouble, &[]);
    let encrypted = trial("sound::encrypted".to_owned(), Double::Encrypted, None, OUTAGE, &[]);
    let defective = TABLE.map(|(defect, trouble, wanted)| {
        let double = match defect.needs_encryption() {
            true => Double::Encrypted,
            false => Double::Plain,
        };
        trial(format!("defective::{defect}"), double, Some(defect), trouble, wanted)
    });
    let unfired = UNFIRED.map(|(trouble, wanted)| {
        Trial::test(format!("unfired::{}", trouble.0), move || {
            names_its_fault(&runtime(), trouble, wanted)
        })
    });
    let complete = Trial::test("every_defect_is_in_the_table", || {
        let missing = Defect::ALL
            .iter()
            .find(|defect| !TABLE.iter().any(|(known, ..)| known == *defect));
        missing.map_or(Ok(()), |defect| Err(format!("{defect} is not in the table").into()))
    });
    let sound = TROUBLES.map(sound).into_iter().chain([encrypted]);
    let contained = contained::trials(runtime);
    let trials = sound.chain(defective).chain(unfired).chain(contained).chain([complete]);
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit_code()
}

/// Drills, and demands that this is red and nothing else.
fn judged(
    runtime: &tokio::runtime::Runtime,
    double: Double,
    defect: Option<Defect>,
    trouble: Trouble,
    wanted: &[&str],
) -> Result<(), Failed> {
    let record = runtime.block_on(drilled(double, defect, trouble));
    let record = record.map_err(|failure| failure.to_string())?;
    let red = red(&record);
    let passed = record.verdict == Verdict::Passed;
    match red == wanted && passed == wanted.is_empty() {
        true => Ok(()),
        false => Err(format!("red are {red:?} instead of {wanted:?}:\n{}", record.narrative()).into()),
    }
}

/// Drills the sound double with a fault that does not happen, and demands that the drill fails by that, and says which fault it was.
fn names_its_fault(runtime: &tokio::runtime::Runtime, trouble: Trouble, wanted: &str) -> Result<(), Failed> {
    let record = runtime.block_on(drilled(Double::Plain, None, trouble));
    let record = record.map_err(|failure| failure.to_string())?;
    let says = matches!(&record.verdict, Verdict::Failed { why } if why.contains(trouble.0));
    match red(&record) == [wanted] && says {
        true => Ok(()),
        false => Err(format!(
            "{wanted:?} is not what failed, or does not name the fault:\n{}",
            record.narrative()
        )
        .into()),
    }
}
