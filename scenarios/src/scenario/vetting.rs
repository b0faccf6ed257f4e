//! Two strangers knock, pass, and talk to each other.

use crate::community::InCommunity as _;
use async_trait::async_trait;
use harness::{
    client::User,
    step::{Steps, Stop},
    world::World,
};

use super::{MIDDLE, Scenario, Stage};
use crate::actors::{talk, vetting};

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct Vetting;

/// The names of one stranger's steps.
type Names = [&'static str; 9];

const FIRST: Names = [
    "the first stranger knocks",
    "the first gets an invite that is not to the space",
    "the first joins the vetting room",
    "the first sees a challenge with a keyword",
    "the first sends a haiku",
    "the first is invited to the space",
    "the first gets a signup link whose code is live",
    "the first gets the onboarding link",
    "the first joins the space",
];

const SECOND: Names = [
    "the second stranger knocks",
    "the second gets an invite that is not to the space",
    "the second joins the vetting room",
    "the second sees a challenge with a keyword",
    "the second sends a haiku",
    "the second is invited to the space",
    "the second gets a signup link whose code is live",
    "the second gets the onboarding link",
    "the second joins the space",
];

const STEPS: &[&str] = &[
    FIRST[0],
    FIRST[1],
    FIRST[2],
    FIRST[3],
    FIRST[4],
    FIRST[5],
    FIRST[6],
    FIRST[7],
    FIRST[8],
    SECOND[0],
    SECOND[1],
    SECOND[2],
    SECOND[3],
    SECOND[4],
    SECOND[5],
    SECOND[6],
    SECOND[7],
    SECOND[8],
    talk::STEPS[0],
    talk::STEPS[1],
    talk::STEPS[2],
    talk::STEPS[3],
];

#[async_trait]
impl Scenario for Vetting {
    fn name(&self) -> &'static str {
        "vetting"
    }

    fn summary(&self) -> &'static str {
        "two strangers knock, pass with a haiku, join the space and read each other's encrypted messages"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        MIDDLE
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        let first = until_challenged(stage, FIRST, "first").await?;
        let first = promoted(stage, FIRST, first).await?;
        let second = until_challenged(stage, SECOND, "second").await?;
        stage.middle().await?;
        let second = promoted(stage, SECOND, second).await?;
        let Stage { world, steps, .. } = stage;
        talk::in_first_child(world, steps, &first, &second).await
    }
}

/// Somebody who has a challenge in front of them.
struct Challenged {
    person: User,
    room: String,
    haiku: String,
}

async fn until_challenged(stage: &mut Stage, names: Names, hint: &str) -> Result<Challenged, Stop> {
    let Stage { world, steps, .. } = stage;
    let code = world.knock_code().to_owned();
    let person = steps
        .step(names[0], async {
            let (person, who) = vetting::register(world, hint).await?;
            let ((), what) = vetting::knock(world, &person, &code).await?;
            Ok((person, format!("{who}: {what}")))
        })
        .await?;
    let invite = steps.step(names[1], vetting::invited(world, &person)).await?;
    steps.step(names[2], vetting::joined(&person, &invite)).await?;
    let challenge = steps.step(names[3], vetting::challenged(&person, &invite)).await?;
    Ok(Challenged {
        person,
        haiku: challenge.haiku(),
        room: invite,
    })
}

async fn promoted(stage: &mut Stage, names: Names, who: Challenged) -> Result<User, Stop> {
    let Challenged { person, room, haiku } = who;
    let Stage { world, steps, .. } = stage;
    steps.step(names[4], vetting::answered(&person, &room, &haiku)).await?;
    welcomed(world, steps, [names[5], names[6], names[7], names[8]], &person, &room).await?;
    Ok(person)
}

/// What comes after a haiku that passes, in a vetting room as in a lobby: the invite, the two links, the space.
pub(super) async fn welcomed(
    world: &World,
    steps: &mut Steps,
    names: [&'static str; 4],
    person: &User,
    room: &str,
) -> Result<(), Stop> {
    steps.step(names[0], vetting::invited_to_space(world, person)).await?;
    steps.step(names[1], vetting::signup_link(world, person, room)).await?;
    steps
        .step(names[2], vetting::onboarding_link(world, person, room))
        .await?;
    steps.step(names[3], vetting::space_joined(world, person)).await
}
