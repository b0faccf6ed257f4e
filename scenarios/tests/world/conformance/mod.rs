//! The conformance suite: one test for each step of the probe, on each homeserver at hand.
//!
//! `conformance::real::<flavor>::<area>::<step>` asks a real homeserver and compares with its recording (`cargo insta review` takes a new one).
//! `conformance::embedded::<flavor>::<area>::<step>` asks the embedded homeserver in that flavor's dialect and compares with the same recording.
//!
//! nextest runs each test in a process of its own, while the steps of an area build on each other: so the first test of an area that
//! comes up asks the whole area and leaves the answers in a file of the run, for which the others wait.

mod arm;
mod generated;
mod judge;

use harness::homeserver::{Choice, Driver, Flavor};
use libtest_mimic::Trial;
use scenarios::conformance::{Area, Step, areas};

use arm::Arm;

/// The tests of suite `conformance`.
pub(crate) fn trials(choice: Choice) -> Vec<Trial> {
    let arms = arms(choice);
    let generated = generated::trials(&arms);
    arms.into_iter().flat_map(steps_of).chain(generated).collect()
}

/// The arms that a choice of homeserver asks for: a real one where a flavor is named, the embedded one in all its dialects otherwise.
fn arms(choice: Choice) -> Vec<Arm> {
    match choice {
        Choice::Auto | Choice::Flavor(Flavor::Embedded) | Choice::Exactly(Flavor::Embedded, _) => Arm::DIALECTS.into(),
        Choice::Flavor(flavor) => vec![Arm::Real { flavor, driver: None }],
        Choice::Exactly(flavor, driver @ (Driver::Container | Driver::Process)) => vec![Arm::Real {
            flavor,
            driver: Some(driver),
        }],
        Choice::Exactly(flavor, Driver::Embedded) => vec![Arm::Real { flavor, driver: None }],
    }
}

fn steps_of(arm: Arm) -> Vec<Trial> {
    let concerned = areas().into_iter().filter(move |area| area.concerns(arm.flavor()));
    concerned
        .flat_map(|area| area.steps().into_iter().map(move |step| trial(arm, area, step)))
        .collect()
}

fn trial(arm: Arm, area: Area, step: Step) -> Trial {
    let name = format!("conformance::{arm}::{}::{}", area.name, step.name());
    Trial::test(name, move || judge::judge(arm, area, &step))
}
