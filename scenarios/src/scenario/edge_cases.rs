//! Haikus and codes at the edges of their rules.

use async_trait::async_trait;
use harness::{
    client::User,
    front_door::{Action, Exchange, Matcher},
    step::{Failure, Stop, ensure, seen},
    world::{World, WorldOptions},
};

use super::{
    MIDDLE, Scenario, Stage,
    haikus::{ODD_BUT_RIGHT, REFUSED},
};
use crate::{
    actors::{PATIENCE, Seen, add_code, vetting},
    chat,
};

/// The scenario.
#[derive(Clone, Copy, Debug)]
pub struct EdgeCases;

/// A code with a single use.
const SINGLE: &str = "single-use";

/// One try for every text that is refused, one without a display name, one that is the last.
const TRIES: u32 = 7;

const STEPS: &[&str] = &[
    "a stranger has a challenge with seven tries",
    "a haiku of two lines costs a try",
    "a haiku of four lines costs a try",
    "a haiku without the keyword costs a try",
    "a haiku under 30 characters costs a try",
    "a haiku over 400 characters costs a try",
    "a haiku of somebody without a display name costs a try",
    "the last try ends in `out of tries` and the bot leaves",
    "another case, empty lines and blanks do not matter: it passes",
    "a code with one use admits one",
    "the used code admits nobody else",
    "a knock without a reason brings no invite of any kind",
    "knocking twice opens one vetting room",
    "a haiku that the sync leaves out is found all the same",
];

#[async_trait]
impl Scenario for EdgeCases {
    fn name(&self) -> &'static str {
        "edge-cases"
    }

    fn summary(&self) -> &'static str {
        "haikus and codes at the edges of their rules"
    }

    fn steps(&self) -> &'static [&'static str] {
        STEPS
    }

    fn middle(&self) -> &'static [&'static str] {
        MIDDLE
    }

    fn prepare(&self, options: WorldOptions) -> WorldOptions {
        options.with_env("VETTING_MAX_TRIES", &TRIES.to_string())
    }

    async fn arrange(&self, world: &mut World) -> Result<(), Failure> {
        add_code(world, "INITIAL_CODES", SINGLE, 1)
    }

    async fn run(&self, stage: &mut Stage) -> Result<(), Stop> {
        haikus(stage).await?;
        codes(stage).await
    }
}

async fn haikus(stage: &mut Stage) -> Result<(), Stop> {
    let Stage { world, steps, .. } = &mut *stage;
    let (person, room, keyword) = steps
        .step(STEPS[0], async {
            let (person, _) = vetting::register(world, "clumsy").await?;
            let (room, challenge) = vetting::until_challenged(world, &person).await?;
            let evidence = format!("keyword {:?}", challenge.keyword);
            Ok(((person, room, challenge.keyword), evidence))
        })
        .await?;
    for (index, attempt) in REFUSED.iter().enumerate() {
        let left = TRIES - 1 - u32::try_from(index).unwrap_or(u32::MAX);
        let step = async {
            let ((), said) = refused(&person, &room, &attempt.about(&keyword), left).await?;
            seen(format!("{}: {said}", attempt.what))
        };
        steps.step(STEPS[1 + index], step).await?;
    }

    stage.middle().await?;

    let Stage { world, steps, .. } = stage;
    let right = chat::haiku(&keyword);
    steps
        .step(STEPS[6], async {
            vetting::takes_off_name(&person, &room).await?;
            refused(&person, &room, &right, 1).await
        })
        .await?;
    steps
        .step(
            STEPS[7],
            vetting::out_of_tries(world, &person, &room, "no haiku at all"),
        )
        .await?;
    steps
        .step(STEPS[8], async {
            let (person, _) = vetting::register(world, "poet").await?;
            let (room, challenge) = vetting::until_challenged(world, &person).await?;
            let loud = ODD_BUT_RIGHT.replace("KEYWORD", &challenge.keyword.to_uppercase());
            vetting::answered(&person, &room, &loud).await?;
            vetting::invited_to_space(world, &person).await
        })
        .await
}

async fn refused(person: &User, room: &str, text: &str, left: u32) -> Seen {
    vetting::answered(person, room, text).await?;
    vetting::not_yet(person, room, left).await
}

async fn codes(stage: &mut Stage) -> Result<(), Stop> {
    let Stage { world, steps, .. } = stage;
    steps
        .step(STEPS[9], async {
            let (person, _) = vetting::register(world, "quick").await?;
            vetting::knock(world, &person, SINGLE).await?;
            let (_, evidence) = vetting::invited(world, &person).await?;
            Ok(((), evidence))
        })
        .await?;
    steps.step(STEPS[10], vetting::ignored(world, SINGLE)).await?;
    steps.step(STEPS[11], vetting::ignored(world, "")).await?;
    steps.step(STEPS[12], vetting::knocks_twice(world)).await?;
    steps.step(STEPS[13], left_out_and_found(world)).await
}

/// Homeservers leave events out of a sync, and say so: many came at once, or one came at the wrong moment.
async fn left_out_and_found(world: &World) -> Seen {
    let (person, _) = vetting::register(world, "overheard").await?;
    let (room, challenge) = vetting::until_challenged(world, &person).await?;
    let gap = world
        .front_door
        .bend(Matcher::endpoint("GET", "/sync").from_bot(), Action::Gap);
    // What is under way is not bent any more.
    let since = world.traffic().last_seq();
    let poll = Matcher::endpoint("GET", "/sync").from_bot().after(since);
    let begun = |exchanges: &[Exchange]| exchanges.iter().any(|one| poll.matches(one)).then_some(());
    world
        .traffic()
        .wait_until("another poll of the bot", PATIENCE, begun)
        .await?;
    vetting::answered(&person, &room, &challenge.haiku()).await?;
    vetting::invited_to_space(world, &person).await?;
    ensure(gap.fired() > 0, || "no message was left out".to_owned())?;
    seen(format!("{} ({} times)", gap.description(), gap.fired()))
}
